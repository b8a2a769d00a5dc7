// Signals that a synchronous loop can ask about: JavaScript's handlers never run in one, and switch the default off.
#include <array>
#include <atomic>
#include <csignal>
#include <mutex>

#include "core/convert.h"
#include "core/function.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

constexpr int kSignals = 65;

/** One for the process, as the handlers themselves are. */
struct Watch {
  int watchers = 0;
  struct sigaction before{};
};
std::mutex mutex;
std::array<Watch, kSignals> watches;
// all that the handler touches
std::atomic<int> pending = 0;
std::array<std::atomic<bool>, kSignals> came;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_signal(int number, siginfo_t* what, void* context) {
  const auto& before = watches[static_cast<size_t>(number)].before;
  if (came[static_cast<size_t>(number)].exchange(true)) {
    // the second one does what it would have done without us, which mostly ends the process
    sigaction(number, &before, nullptr);
    raise(number);
    return;
  }
  int none = 0;
  pending.compare_exchange_strong(none, number);
  // a handler for one time is Node's own, which gives the terminal back and ends the process
  if ((before.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) return;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, what, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  }
}

std::vector<int64_t> numbers_of(const Napi::Value& value) {
  auto numbers = to_ints(value, "signals");
  for (const auto number : numbers) {
    if (number <= 0 || number >= kSignals || number == SIGKILL || number == SIGSTOP) {
      fail_argument("no handler can be set for signal " + std::to_string(number));
    }
  }
  return numbers;
}

Napi::Value watch_signals(const Info& info) {
  const auto numbers = numbers_of(info[0]);
  std::lock_guard guard(mutex);
  for (const auto number : numbers) {
    auto& watch = watches[static_cast<size_t>(number)];
    if (watch.watchers++ > 0) continue;
    came[static_cast<size_t>(number)] = false;
    // what was there is kept before ours can run
    sigaction(static_cast<int>(number), nullptr, &watch.before);
    struct sigaction ours{};
    ours.sa_sigaction = on_signal;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&ours.sa_mask);
    sigaction(static_cast<int>(number), &ours, nullptr);
  }
  return info.Env().Undefined();
}

Napi::Value unwatch_signals(const Info& info) {
  const auto numbers = numbers_of(info[0]);
  std::lock_guard guard(mutex);
  for (const auto number : numbers) {
    auto& watch = watches[static_cast<size_t>(number)];
    if (watch.watchers == 0 || --watch.watchers > 0) continue;
    struct sigaction now{};
    sigaction(static_cast<int>(number), nullptr, &now);
    // a handler that somebody set after ours stays
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_signal) {
      sigaction(static_cast<int>(number), &watch.before, nullptr);
    }
    int that = static_cast<int>(number);
    pending.compare_exchange_strong(that, 0);
  }
  return info.Env().Undefined();
}

Napi::Value pending_signal(const Info& info) { return Napi::Number::New(info.Env(), pending.load()); }

}  // namespace

void init_signals(Napi::Env, Napi::Object exports) {
  export_function<watch_signals>(exports, "watchSignals");
  export_function<unwatch_signals>(exports, "unwatchSignals");
  export_function<pending_signal>(exports, "pendingSignal");
}

}  // namespace libtorch_node
