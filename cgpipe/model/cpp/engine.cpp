// The engine: prior and mean of the networks of one molecule, for many replicas, in tiles that fit the cache.
//
// Replicas do not feel each other, so a tile is carried through all steps by one thread without waiting for any other,
// and what a replica does depends neither on its tile nor on the number of threads, to the last bit.

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "network.hpp"
#include "prior.hpp"

namespace cgpipe {

constexpr int rows_of_a_tile = 32;

template <typename T>
class Engine {
public:
    Engine(int n_beads, const PriorData& prior, int n_networks, const NetworkData<T>* networks)
        : n_beads_(n_beads), prior_(prior, n_beads) {
        for (int k = 0; k < n_networks; ++k) networks_.emplace_back(networks[k], n_beads);
    }

    int replicas_of_a_tile() const { return std::max(1, rows_of_a_tile / n_beads_); }

    // Arrays of one thread.
    struct Tile {
        Tile(const Engine& engine)
            : pairs(), contacts(engine.replicas_of_a_tile()),
              work(engine.replicas_of_a_tile() * engine.n_beads_, engine.networks_[0].n_blocks,
                   engine.networks_[0].n_features, engine.networks_[0].mixed) {
            for (int k = 0; k < engine.replicas_of_a_tile(); ++k) pairs.emplace_back(engine.n_beads_);
            for (auto& list : contacts) list.reserve(pairs[0].n_pairs);  // so that threads never allocate
        }
        std::vector<Pairs<T>> pairs;
        std::vector<std::vector<Contact<T>>> contacts;
        Workspace<T> work;
    };

    // Energies (n_replicas) and forces (n_replicas, n_beads, 3) of the replicas of a tile.
    void evaluate(Tile& tile, int n_replicas, const T* positions, T* energy, T* forces) const {
        for (int k = 0; k < n_replicas; ++k) {
            const T* replica = positions + 3 * n_beads_ * k;
            tile.pairs[k].measure(replica);
            energy[k] = prior_.evaluate(replica, tile.pairs[k], forces + 3 * n_beads_ * k);
            tile.contacts[k].clear();
            tile.pairs[k].find_contacts(networks_[0].cutoff, networks_[0].n_knots, tile.contacts[k]);
        }
        for (const Network<T>& network : networks_)
            network.evaluate(n_replicas, tile.contacts, T(1) / networks_.size(), tile.work, energy, tile.pairs);
        for (int k = 0; k < n_replicas; ++k) tile.pairs[k].pull(forces + 3 * n_beads_ * k);
    }

    // Calls work(tile, first replica, number of replicas) for all tiles, shared among threads.
    template <typename Work>
    void share(int n_replicas, int n_threads, Work work) const {
        const int step = replicas_of_a_tile(), n_tiles = (n_replicas + step - 1) / step;
        std::atomic<int> next{0};
        const auto loop = [&](Tile& tile) {
            for (int k = next++; k < n_tiles; k = next++) work(tile, k * step, std::min(step, n_replicas - k * step));
        };
        std::vector<Tile> tiles;
        for (int k = 0; k < std::min(n_threads, n_tiles); ++k) tiles.emplace_back(*this);
        std::vector<std::thread> others;
        for (std::size_t k = 1; k < tiles.size(); ++k) others.emplace_back(loop, std::ref(tiles[k]));
        loop(tiles[0]);
        for (std::thread& thread : others) thread.join();
    }

    const int n_beads_;
    Prior<T> prior_;
    std::vector<Network<T>> networks_;
};

// Constants of a Langevin step, each multiplied out once: BAOAB, as in cgpipe/simulation/langevin.py.
struct LangevinData {
    double timestep, friction, thermal_energy;  // ps, 1/ps, kJ/mol
    const double* masses;                       // (n_beads), amu
};

template <typename T>
struct LangevinStep {
    LangevinStep(const LangevinData& data, int n_beads) : half(static_cast<T>(data.timestep / 2)) {
        const double decay = std::exp(-data.friction * data.timestep);
        kept = static_cast<T>(decay);
        for (int k = 0; k < 3 * n_beads; ++k) {
            const double mass = data.masses[k / 3];
            kick.push_back(static_cast<T>(data.timestep / 2 / mass));
            width.push_back(static_cast<T>(std::sqrt(data.thermal_energy * (1 - decay * decay) / mass)));
        }
    }

    // B A O A; the last B follows the forces.
    void move(T* x, T* v, const T* f, const T* noise) const {
        for (std::size_t k = 0; k < kick.size(); ++k) {
            v[k] += kick[k] * f[k];
            x[k] += half * v[k];
            v[k] = kept * v[k] + width[k] * noise[k];
            x[k] += half * v[k];
        }
    }

    void finish(T* v, const T* f) const {
        for (std::size_t k = 0; k < kick.size(); ++k) v[k] += kick[k] * f[k];
    }

    T half, kept;
    std::vector<T> kick, width;
};

template <typename T>
void evaluate(const Engine<T>& engine, int n_replicas, const T* x, T* energy, T* f, int n_threads) {
    const int stride = 3 * engine.n_beads_;
    engine.share(n_replicas, n_threads, [&](typename Engine<T>::Tile& tile, int first, int count) {
        engine.evaluate(tile, count, x + first * stride, energy + first, f + first * stride);
    });
}

// n_steps steps; the forces given are those of the positions. noise is (n_steps, n_replicas, n_beads, 3).
template <typename T>
void langevin(const Engine<T>& engine, const LangevinData& data, int n_replicas, int n_steps, T* x, T* v, T* energy, T* f,
              const T* noise, int n_threads) {
    const std::size_t stride = 3 * engine.n_beads_;
    const LangevinStep<T> step(data, engine.n_beads_);
    engine.share(n_replicas, n_threads, [&](typename Engine<T>::Tile& tile, int first, int count) {
        for (int k = 0; k < n_steps; ++k) {
            for (std::size_t r = first; r < static_cast<std::size_t>(first + count); ++r)
                step.move(x + r * stride, v + r * stride, f + r * stride, noise + (k * std::size_t(n_replicas) + r) * stride);
            engine.evaluate(tile, count, x + first * stride, energy + first, f + first * stride);
            for (std::size_t r = first; r < static_cast<std::size_t>(first + count); ++r)
                step.finish(v + r * stride, f + r * stride);
        }
    });
}

}  // namespace cgpipe

// The interface, once for each precision; a null pointer or a one tells that memory ran out.
#define CGPIPE_INTERFACE(T)                                                                                        \
    extern "C" void* create_##T(int n_beads, const cgpipe::PriorData* prior, int n_networks,                       \
                                const cgpipe::NetworkData<T>* networks) {                                          \
        try {                                                                                                      \
            return new cgpipe::Engine<T>(n_beads, *prior, n_networks, networks);                                   \
        } catch (const std::exception&) {                                                                          \
            return nullptr;                                                                                        \
        }                                                                                                          \
    }                                                                                                              \
    extern "C" void destroy_##T(void* engine) { delete static_cast<cgpipe::Engine<T>*>(engine); }                  \
    extern "C" int lanes_##T() { return cgpipe::lanes<T>; }                                                        \
    extern "C" int evaluate_##T(const void* engine, int n_replicas, const T* x, T* energy, T* f, int n_threads) {  \
        try {                                                                                                      \
            cgpipe::evaluate(*static_cast<const cgpipe::Engine<T>*>(engine), n_replicas, x, energy, f, n_threads); \
            return 0;                                                                                              \
        } catch (const std::exception&) {                                                                          \
            return 1;                                                                                              \
        }                                                                                                          \
    }                                                                                                              \
    extern "C" int langevin_##T(const void* engine, const cgpipe::LangevinData* data, int n_replicas, int n_steps, \
                                T* x, T* v, T* energy, T* f, const T* noise, int n_threads) {                      \
        try {                                                                                                      \
            cgpipe::langevin(*static_cast<const cgpipe::Engine<T>*>(engine), *data, n_replicas, n_steps, x, v,     \
                             energy, f, noise, n_threads);                                                         \
            return 0;                                                                                              \
        } catch (const std::exception&) {                                                                          \
            return 1;                                                                                              \
        }                                                                                                          \
    }

CGPIPE_INTERFACE(float)
CGPIPE_INTERFACE(double)
