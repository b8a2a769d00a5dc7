// Coins for dropout: LibTorch's kernel draws each of them by two calls of its generator, which take a quarter of a
// transformer layer's training step. This one turns the generator's numbers out by the hundred, and gives the same
// coins and the same state afterwards. Sources: ATen/core/MT19937RNGEngine.h, ATen/core/TransformationHelper.h and
// ATen/native/cpu/DistributionTemplates.h, PyTorch 2.13.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/bernoulli_native.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

namespace libtorch_node {

namespace {

// The loops are compiled a second time for processors that do eight numbers at once.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define VECTORS [[gnu::target_clones("avx2", "default")]]
#else
#define VECTORS
#endif

constexpr int kNumbers = at::MERSENNE_STATE_N;

uint32_t twist(uint32_t u, uint32_t v) {
  return ((u & at::UMASK) | (v & at::LMASK)) >> 1 ^ ((0u - (v & 1)) & at::MATRIX_A);
}

/** The next numbers of the generator, before they are tempered. */
VECTORS void turn(uint32_t* p) {
  constexpr int m = at::MERSENNE_STATE_M;
  for (int j = 0; j < kNumbers - m; ++j) p[j] = p[j + m] ^ twist(p[j], p[j + 1]);
  for (int j = kNumbers - m; j < kNumbers - 1; ++j) p[j] = p[j + m - kNumbers] ^ twist(p[j], p[j + 1]);
  p[kNumbers - 1] = p[m - 1] ^ twist(p[kNumbers - 1], p[0]);
}

VECTORS void temper(const uint32_t* __restrict from, uint32_t* __restrict out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t y = from[i];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    out[i] = y ^ y >> 18;
  }
}

/** 1 where 53 bits of two numbers are below `limit`, else 0. */
VECTORS void compare(const uint32_t* __restrict numbers, float* __restrict out, size_t count, int64_t limit) {
  constexpr int64_t mask = (int64_t{1} << 53) - 1;
  for (size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<int64_t>(uint64_t{numbers[2 * i]} << 32 | numbers[2 * i + 1]) & mask;
    out[i] = bits < limit ? 1.0f : 0.0f;
  }
}

/** LibTorch's Mersenne Twister, whose numbers are taken many at a time. */
class Numbers {
 public:
  explicit Numbers(const at::mt19937& engine) : data_(engine.data()) {}

  void take(uint32_t* out, size_t count) {
    while (count > 0) {
      // the engine turns when it is asked for the number after the last
      if (data_.left_ == 1) {
        turn(data_.state_.data());
        // one more than the engine has then, which counts the number that it turns for
        data_.left_ = kNumbers + 1;
        data_.next_ = 0;
      }
      const auto n = std::min<size_t>(count, static_cast<size_t>(data_.left_ - 1));
      temper(data_.state_.data() + data_.next_, out, n);
      data_.left_ -= static_cast<int>(n);
      data_.next_ += static_cast<uint32_t>(n);
      out += n;
      count -= n;
    }
  }

  at::mt19937 engine() const {
    at::mt19937 engine;
    engine.set_data(data_);
    return engine;
  }

 private:
  at::mt19937_data_pod data_;
};

void flip(float* out, size_t count, double p, at::CPUGeneratorImpl& generator) {
  // a number from 0 to 1 is below p when its 53 bits are below p times 2^53
  const auto limit = static_cast<int64_t>(std::ceil(std::ldexp(p, 53)));
  constexpr size_t most = 512;
  std::array<uint32_t, 2 * most> numbers;
  Numbers source(generator.engine());
  for (size_t done = 0; done < count;) {
    const auto n = std::min(most, count - done);
    source.take(numbers.data(), 2 * n);
    compare(numbers.data(), out + done, n, limit);
    done += n;
  }
  generator.set_engine(source.engine());
}

/** Whether LibTorch's kernel draws as this one does: with MKL on processors of Intel it draws otherwise. */
bool draws_alike() {
  constexpr double p = 0.3;
  constexpr int64_t count = 1000;
  auto theirs = at::detail::createCPUGenerator(1);
  auto ours = at::detail::createCPUGenerator(1);
  auto expected = at::empty({count}, at::kFloat);
  at::native::bernoulli_(expected, p, theirs);
  std::vector<float> coins(count);
  auto& generator = *ours.get<at::CPUGeneratorImpl>();
  flip(coins.data(), coins.size(), p, generator);
  const auto a = theirs.get<at::CPUGeneratorImpl>()->engine().data();
  const auto b = generator.engine().data();
  return std::equal(coins.begin(), coins.end(), expected.const_data_ptr<float>()) && a.left_ == b.left_ &&
         a.next_ == b.next_ && a.state_ == b.state_;
}

at::Tensor& bernoulli(at::Tensor& self, double p, std::optional<at::Generator> generator) {
  static const bool alike = draws_alike();
  if (!alike || !(p >= 0 && p <= 1) || self.scalar_type() != at::kFloat || !self.is_contiguous() || self.is_neg() ||
      self.numel() == 0) {
    return at::native::bernoulli_(self, p, std::move(generator));
  }
  auto* impl = at::get_generator_or_default<at::CPUGeneratorImpl>(generator, at::detail::getDefaultCPUGenerator());
  const std::lock_guard lock(impl->mutex_);
  flip(self.mutable_data_ptr<float>(), static_cast<size_t>(self.numel()), p, *impl);
  return self;
}

}  // namespace

/** Puts the kernel in the place of LibTorch's, which says so on stderr if it is let. */
void install_bernoulli() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct Quiet final : c10::WarningHandler {
      void process(const c10::Warning&) override {}
    } quiet;
    const c10::WarningUtils::WarningHandlerGuard guard(&quiet);
    // never destroyed: LibTorch may be gone by then
    auto* library = new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::CPU, __FILE__, __LINE__);
    library->impl("bernoulli_.float", &bernoulli);
  });
}

}  // namespace libtorch_node
