#pragma once
#include <node_api.h>

#include <cstdint>

/**
 * The one accounting point. V8 collects garbage when it believes that memory is short, but it sees only the few bytes
 * of a JavaScript wrapper, not the megabytes behind it. So an allocator in front of LibTorch's own counts the live
 * bytes of the whole process, autograd graphs and optimizer state included, and each environment tells V8 how that
 * number moved since it last did. Without this a synchronous loop ends at the memory limit of the machine.
 *
 * A training step takes many megabytes forward and frees them backward, and none of that is garbage. So what V8 is told
 * is the peak, and how much of it a collection gave back: else every step would begin a collection.
 */
namespace libtorch_node {

struct EnvData;

/** Puts the counting allocator in front of the CPU allocator; once per process, before the first tensor. */
void install_counting_allocator();

int64_t live_bytes();
/** Bytes that the accelerator's caching allocator has given out, over all its devices; 0 where there is none. */
int64_t accelerator_bytes();
int64_t live_tensors();

/** A wrapper came into being, or went. */
void count_tensor(int delta);

/** Now and then asks how many bytes the accelerator holds: for each result that is not on the CPU. */
void watch_accelerator();

/** While it lives, the collector frees what stands behind a wrapper. */
class Collected {
 public:
  Collected();
  ~Collected();
  Collected(const Collected&) = delete;

 private:
  const int64_t before_;
};

/** Reports the change to V8 when it is worth a call. */
void account(napi_env env);
void account(napi_env env, EnvData& data);

/**
 * Before `bytes` are read: if they are many, and as many are there already, all garbage is collected first. What was
 * read before is no longer young, and V8 would look for it afterwards, when both have taken their memory.
 */
void make_room(napi_env env, int64_t bytes);

/** Sets the point from which an environment reports changes. */
void start_accounting(napi_env env);

}  // namespace libtorch_node
