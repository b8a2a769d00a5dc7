// Lets an addon that was built on a new Linux run on an old one: glibc 2.28 and the libstdc++ of GCC 8, as PyTorch's
// own wheels do. A linker takes the newest version of each symbol. Those below got a newer one for reasons of
// housekeeping (functions that moved into libc.so, wrappers that no longer set errno); the old version is still there
// and does the same, libm's functions to the last bit (but for the sign of the NaN that is log of a negative number).
// So each of them is defined here once more, seen by this addon alone, and calls the old version.
// Where dlopen and pthread_once are in libraries of their own still, Node has these open.
// scripts/check-symbols.mjs says when another one is needed. No header that declares these functions is included.
#ifdef __linux__
#include <features.h>
#endif

#ifdef __GLIBC__

#if defined(__x86_64__)
#define FIRST_GLIBC "GLIBC_2.2.5"
constexpr int kStatVersion = 1;
#elif defined(__aarch64__)
#define FIRST_GLIBC "GLIBC_2.17"
constexpr int kStatVersion = 0;
#else
#error "glibc's first symbol version on this processor is to be entered here"
#endif

// `old_NAME` is the symbol in that version
#define OLD(result, name, symbol, version, parameters) \
  extern "C" result old_##name parameters;             \
  __asm__(".symver old_" #name "," symbol "@" version)

// `new_NAME` is what the addon finds under the name of the symbol
#define NEW(result, name, symbol, parameters, call)                                              \
  extern "C" __attribute__((visibility("hidden"))) result new_##name parameters __asm__(symbol); \
  extern "C" result new_##name parameters { return call; }

#define FORWARD(result, name, symbol, version, parameters, arguments) \
  OLD(result, name, symbol, version, parameters);                     \
  NEW(result, name, symbol, parameters, old_##name arguments)

FORWARD(void*, dlopen, "dlopen", FIRST_GLIBC, (const char* file, int mode), (file, mode))
FORWARD(char*, dlerror, "dlerror", FIRST_GLIBC, (), ())
FORWARD(int, once, "pthread_once", FIRST_GLIBC, (int* once, void (*function)()), (once, function))
FORWARD(int, rdlock, "pthread_rwlock_rdlock", FIRST_GLIBC, (void* lock), (lock))
FORWARD(int, wrlock, "pthread_rwlock_wrlock", FIRST_GLIBC, (void* lock), (lock))
FORWARD(int, unlock, "pthread_rwlock_unlock", FIRST_GLIBC, (void* lock), (lock))
FORWARD(double, pow, "pow", FIRST_GLIBC, (double x, double y), (x, y))
FORWARD(double, log, "log", FIRST_GLIBC, (double x), (x))
#ifdef LTN_BUILT_FOR
// std::condition_variable::wait. For core alone: where the linker leaves out libraries that nothing else needs, loader
// has no libstdc++ whose version this could be.
FORWARD(void, wait, "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", "GLIBCXX_3.4.11",
        (void* condition, void* lock), (condition, lock))
#endif

// an inline function in old headers
OLD(int, fxstat, "__fxstat", FIRST_GLIBC, (int version, int fd, void* facts));
NEW(int, fstat, "fstat", (int fd, void* facts), old_fxstat(kStatVersion, fd, facts))

// libstdc++ leaves out atomic instructions while this is true: Node has several threads, always
extern "C" __attribute__((visibility("hidden"))) char __libc_single_threaded;
char __libc_single_threaded = 0;

#endif
