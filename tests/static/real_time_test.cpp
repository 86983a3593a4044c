// SPDX-License-Identifier: MIT
// What a real-time thread relies on: after set-up step() allocates nothing, takes no lock, makes no system call and
// throws nothing, for a mixer, a model and a session, with static and with dynamic sizes. This file is compiled as
// programs are, without checks of preconditions, since step() is noexcept only there.
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/allocations.hpp>
#include <support/parameters.hpp>
#include <support/random_model.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <span>
#include <utility>

#include <pthread.h>

#if defined(__linux__)
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

static_assert(!mamba::core::contracts_checked);

namespace {

std::atomic<int> locks{0};

}  // namespace

#if defined(__linux__) && !defined(MAMBA_SANITIZED)
#define MAMBA_TEST_WATCHES_THE_SYSTEM
// The library is headers, so that a lock that it takes is a call from this program: of this function.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using function = int (*)(pthread_mutex_t*);
  static auto const original = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locks;
  return original(mutex);
}
#endif

namespace {

namespace model = mamba::model;
namespace nn = mamba::nn;

constexpr nn::s4d_config s4d_sizes{.d_model = 8, .d_state = 4};
constexpr nn::mamba1_config mamba1_sizes{.d_model = 8, .d_state = 4};
constexpr model::config model_sizes{.d_model = 8, .n_layer = 2, .vocab_size = 11, .d_state = 4};

using static_s4d = nn::s4d<s4d_sizes>;
using any_s4d = nn::s4d<>;
using static_mamba1 = nn::mamba1<mamba1_sizes>;
using any_mamba1 = nn::mamba1<nn::any_mamba1, mamba::q8>;
using static_weights = model::weights<model_sizes>;
using two_kinds = model::stack<nn::block<nn::mamba1<>>, nn::block<nn::s4d<>>>;
using hybrid = model::network<model::feature_projection<float>, two_kinds, model::pooled_head<float>>;

using in = std::span<float const>;
using out = std::span<float>;
template <class M, class Workspace>
constexpr bool mixer_steps_noexcept =
    noexcept(nn::step(std::declval<M const&>(), std::declval<in>(), std::declval<typename M::state&>(),
                      std::declval<Workspace&>(), std::declval<out>()));
template <class N, class Item, class Workspace>
constexpr bool model_steps_noexcept =
    noexcept(model::step(std::declval<N const&>(), std::declval<Item>(), std::declval<typename N::state&>(),
                         std::declval<Workspace&>(), std::declval<out>()));
template <class N, class Item>
constexpr bool session_steps_noexcept = noexcept(std::declval<model::session<N>&>().step(std::declval<Item>()));

static_assert(mixer_steps_noexcept<static_s4d, nn::static_workspace<static_s4d::workspace(s4d_sizes, 1)>>);
static_assert(mixer_steps_noexcept<any_s4d, nn::workspace>);
static_assert(mixer_steps_noexcept<static_mamba1, nn::static_workspace<static_mamba1::workspace(mamba1_sizes, 1)>>);
static_assert(mixer_steps_noexcept<any_mamba1, nn::workspace>);
static_assert(model_steps_noexcept<static_weights, model::token, model::static_workspace<static_weights>>);
static_assert(model_steps_noexcept<model::weights<>, model::token, model::workspace>);
static_assert(model_steps_noexcept<hybrid, in, model::workspace>);
static_assert(session_steps_noexcept<static_weights, model::token>);
static_assert(session_steps_noexcept<hybrid, in>);
static_assert(!noexcept(std::declval<model::session<hybrid>&>().read(std::declval<hybrid::items>())));  // may grow

/// How f() ends in a process that the system kills at its first system call: 0, a signal, or −1 where Linux has no such
/// mode.
template <class F>
int end_without_system_calls([[maybe_unused]] F const& f) {
#if defined(MAMBA_TEST_WATCHES_THE_SYSTEM)
  constexpr int refused = 77;
  pid_t const child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::_exit(refused);
    f();
    ::syscall(SYS_exit, 0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WEXITSTATUS(status) == refused ? -1 : WEXITSTATUS(status);
#else
  return -1;
#endif
}

/// f() allocates nothing, takes no lock and makes no system call, at its second call.
template <class F>
void check_real_time(F const& f) {
  f();
  std::size_t const allocated = test::allocations;
  int const locked = locks;
  f();
  CHECK(test::allocations == allocated);
  CHECK(locks == locked);
  int const end = end_without_system_calls(f);
  CHECK((end == 0 || end == -1));
}

template <class M>
void fill(M& mixer) {
  test::random rng(1);
  M::for_each(mixer,
              [&](auto const&, auto const&, auto& tensor, auto) { test::fill_rows<float>(tensor, rng, -0.5, 0.5); });
}

std::array<float, 8> const x{1, -2, 3, -4, 0.5F, 0.25F, 0, 1};
std::array<float, 16> y{};

template <class M, class Workspace>
void check_mixer(M& mixer, Workspace& workspace) {
  fill(mixer);
  typename M::state state(mixer.sizes());
  check_real_time([&] {
    for (int i = 0; i < 100; ++i) nn::step(mixer, x, state, workspace, std::span(y).first(8));
  });
}

}  // namespace

TEST_CASE("real time: the checks can fail") {
#if defined(MAMBA_TEST_WATCHES_THE_SYSTEM)
  int const before = locks;
  std::mutex mutex;
  { std::scoped_lock const lock(mutex); }
  CHECK(locks == before + 1);
  int const end = end_without_system_calls([] { ::syscall(SYS_getpid); });
  CHECK((end == SIGKILL || end == -1));
  if (end == -1) MESSAGE("this system has no strict mode of seccomp: system calls are not watched");
#endif
#if !defined(MAMBA_SANITIZED)  // clang's AddressSanitizer brings its own operator new
  std::size_t const allocated = test::allocations;
  float* volatile const made = new float[1];
  delete[] made;
  CHECK(test::allocations > allocated);
#endif
}

TEST_CASE("real time: nn::step of S4D and Mamba-1, with static and dynamic sizes") {
  static static_s4d fixed_s4d;
  static nn::static_workspace<static_s4d::workspace(s4d_sizes, 1)> of_s4d;
  check_mixer(fixed_s4d, of_s4d);
  static static_mamba1 fixed_mamba1;
  static nn::static_workspace<static_mamba1::workspace(mamba1_sizes, 1)> of_mamba1;
  check_mixer(fixed_mamba1, of_mamba1);
  any_s4d s4d(s4d_sizes);
  nn::workspace for_s4d(s4d, 1);
  check_mixer(s4d, for_s4d);
  any_mamba1 mamba1(mamba1_sizes);
  nn::workspace for_mamba1(mamba1, 1);
  check_mixer(mamba1, for_mamba1);
}

TEST_CASE("real time: model::step of tokens with static sizes") {
  static static_weights weights;
  static model::state<model_sizes> state;
  static model::static_workspace<static_weights> workspace;
  test::fill_weights(weights, 1, test::weight_range::unit);
  check_real_time([&] {
    for (int i = 0; i < 100; ++i) model::step(weights, i % 11, state, workspace, std::span(y).first(11));
  });
}

TEST_CASE("real time: session::step of features through a Mamba-1 and an S4D layer, with dynamic sizes") {
  hybrid network(
      {{8, 8}, {two_kinds::layer<0>({mamba1_sizes}), two_kinds::layer<1>({s4d_sizes})}, {.d_model = 8, .outputs = 3}});
  test::fill_weights(network, 1, test::weight_range::unit);
  model::session session(network);
  check_real_time([&] {
    for (int i = 0; i < 100; ++i) session.step(x);
  });
}
