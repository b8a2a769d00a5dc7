#pragma once
#include "core/option.h"
#include "core/registry.h"

/**
 * A learning-rate scheduler is one file with one row. Counting epochs, writing to the optimizer's groups and state
 * dicts are lib/lr-scheduler; here is only the arithmetic, as V8's pow, cos and exp are not those of the C library that
 * Python uses.
 */
namespace libtorch_node {

/** A rate in arithmetic with numbers. One that is a float32 tensor rounds after each operation, and so do the numbers.
 */
struct Rate {
  double value;
  bool single = false;

  double round(double number) const { return single ? static_cast<float>(number) : number; }
};

inline Rate operator+(Rate a, double b) { return {a.round(a.value + a.round(b)), a.single}; }
inline Rate operator-(Rate a, double b) { return {a.round(a.value - a.round(b)), a.single}; }
inline Rate operator*(Rate a, double b) { return {a.round(a.value * a.round(b)), a.single}; }
inline Rate operator/(Rate a, double b) { return {a.round(a.value / a.round(b)), a.single}; }
inline Rate operator+(Rate a, Rate b) { return a + b.value; }
inline Rate operator+(double a, Rate b) { return b + a; }
inline Rate operator*(double a, Rate b) { return b * a; }

/** What the rate of one group depends on. */
struct LrPoint {
  /** The group's rate now: Python multiplies it on, and so the rounding errors of all earlier epochs are in it. */
  Rate lr;
  /** The group's rate at the start, `initial_lr` */
  Rate base_lr;
  double epoch;
  /** Python's `_step_count`: how often step() ran, 1 after construction. */
  int64_t step_count;
  /** During construction. */
  bool initial;
};

using LrFormula = Rate (*)(const Values& options, const LrPoint& at);

struct SchedulerRow {
  const char* name;
  const char* doc;
  /** In Python's order after the optimizer; all may be given by position. */
  std::vector<Option> options;
  /** Keys of the state dict in Python's order. */
  std::vector<const char*> state;
  /** Refuses wrong options of a new scheduler, in Python's words. */
  void (*check)(const Values& options) = nullptr;
  /** The recursive ("chainable") form. */
  LrFormula lr;
  /** From the start, for `step(epoch)`; null where Python has none. */
  LrFormula closed_form = nullptr;
};

/** Python's `a % b` for numbers: the sign is that of the divisor. */
double modulo(double a, double b);
/** Python's `a / b`, which refuses a zero. */
double divide(double a, double b);
/** Python's `a // b`. */
double floor_divide(double a, double b);

}  // namespace libtorch_node
