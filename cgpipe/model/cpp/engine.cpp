// The engine: prior and mean of the networks of one molecule, for many replicas, in tiles that fit the cache.
//
// Replicas do not feel each other, so a tile is carried through all steps by one thread without waiting for any other,
// and what a replica does depends neither on its tile nor on the number of threads, to the last bit.

#include <algorithm>
#include <atomic>
#include <exception>

#include "matching.hpp"
#include "prior.hpp"
#include "tile.hpp"

namespace cgpipe {

template <typename T>
class Engine {
public:
    Engine(int n_beads, const PriorData& prior, int n_networks, const NetworkData<T>* networks)
        : n_beads(n_beads), prior_(prior, n_beads) {
        for (int k = 0; k < n_networks; ++k) networks_.emplace_back(networks[k], n_beads);
    }

    // Energies (n_replicas) and forces (n_replicas, n_beads, 3) of the replicas of a tile.
    void evaluate(Tile<T>& tile, int n_replicas, const T* positions, T* energy, T* forces) const {
        for (int k = 0; k < n_replicas; ++k) {
            tile.measure(k, positions + 3 * n_beads * k, networks_[0]);
            energy[k] = prior_.evaluate(positions + 3 * n_beads * k, tile.pairs[k], forces + 3 * n_beads * k);
        }
        for (const Network<T>& network : networks_)
            network.evaluate(n_replicas, tile.contacts, T(1) / networks_.size(), tile.work, energy, tile.pairs);
        for (int k = 0; k < n_replicas; ++k) tile.pairs[k].pull(forces + 3 * n_beads * k);
    }

    // Calls work(tile, first replica, number of replicas) for all tiles; each thread takes the next one.
    template <typename Work>
    void share(int n_replicas, int n_threads, Work work) const {
        const int step = replicas_of_a_tile(n_beads, rows_of_simulation);
        const int n_tiles = (n_replicas + step - 1) / step;
        std::vector<Tile<T>> tiles;
        for (int k = 0; k < std::max(1, std::min(n_threads, n_tiles)); ++k) tiles.emplace_back(networks_[0], rows_of_simulation);
        std::atomic<int> next{0};
        on_threads(static_cast<int>(tiles.size()), [&](int thread) {
            for (int k = next++; k < n_tiles; k = next++)
                work(tiles[thread], k * step, std::min(step, n_replicas - k * step));
        });
    }

    const int n_beads;

private:
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
    const std::size_t stride = 3 * engine.n_beads;
    engine.share(n_replicas, n_threads, [&](Tile<T>& tile, int first, int count) {
        engine.evaluate(tile, count, x + first * stride, energy + first, f + first * stride);
    });
}

// n_steps steps; the forces given are those of the positions. noise is (n_steps, n_replicas, n_beads, 3).
template <typename T>
void langevin(const Engine<T>& engine, const LangevinData& data, int n_replicas, int n_steps, T* x, T* v, T* energy, T* f,
              const T* noise, int n_threads) {
    const std::size_t stride = 3 * engine.n_beads;
    const LangevinStep<T> step(data, engine.n_beads);
    engine.share(n_replicas, n_threads, [&](Tile<T>& tile, int first, int count) {
        for (int k = 0; k < n_steps; ++k) {
            for (std::size_t r = first; r < static_cast<std::size_t>(first + count); ++r)
                step.move(x + r * stride, v + r * stride, f + r * stride, noise + (k * std::size_t(n_replicas) + r) * stride);
            engine.evaluate(tile, count, x + first * stride, energy + first, f + first * stride);
            for (std::size_t r = first; r < static_cast<std::size_t>(first + count); ++r)
                step.finish(v + r * stride, f + r * stride);
        }
    });
}

// Arrays of one thread that trains.
template <typename T>
struct MatchingTile : Tile<T> {
    explicit MatchingTile(const Matching<T>& network)
        : Tile<T>(network, rows_of_training), more(this->contacts.size() * network.n_beads, network.n_blocks, network.n_features,
                                 network.mixed),
          gradients(network), gamma(this->contacts.size()), energy(this->contacts.size()),
          forces(3 * network.n_beads * this->contacts.size()) {
        for (auto& list : gamma) list.reserve(this->pairs[0].n_pairs);
    }
    MatchingWorkspace<T> more;
    Gradients<T> gradients;
    std::vector<std::vector<T>> gamma;
    std::vector<T> energy, forces;
    double loss = 0;
};

// Adds the square deviations of the forces of a tile, and unless told otherwise the derivatives of scale times them.
template <typename T>
void match(const Matching<T>& network, MatchingTile<T>& tile, int n_frames, const T* x, const T* target, T scale,
           bool with_gradients) {
    const int stride = 3 * network.n_beads;
    std::fill(tile.forces.begin(), tile.forces.end(), T(0));
    for (int k = 0; k < n_frames; ++k) tile.measure(k, x + k * stride, network);
    network.evaluate(n_frames, tile.contacts, T(1), tile.work, tile.energy.data(), tile.pairs);
    for (int k = 0; k < n_frames; ++k) {
        T* forces = tile.forces.data() + k * stride;
        tile.pairs[k].pull(forces);
        for (int c = 0; c < stride; ++c) {
            forces[c] -= target[k * stride + c];
            tile.loss += static_cast<double>(forces[c]) * forces[c];
            forces[c] *= 2 * scale;  // from here on the derivative of the loss
        }
        tile.gamma[k].clear();
        for (const Contact<T>& contact : tile.contacts[k])
            tile.gamma[k].push_back(tile.pairs[k].stretch(contact, forces));
    }
    if (with_gradients)
        network.differentiate(n_frames, tile.contacts, tile.gamma, tile.work, tile.more, tile.gradients);
}

// Mean square deviation of a force component over a batch; its derivatives are added to `gradients` if there are any.
// Each thread sums over its own share of the frames, so the last bits depend on the number of threads.
template <typename T>
double force_loss(int n_beads, const NetworkData<T>& data, int n_frames, const T* x, const T* target,
                  const NetworkData<T>* gradients, int n_threads) {
    if (n_frames == 0) return std::nan("");
    const Matching<T> network(data, n_beads);
    const int step = replicas_of_a_tile(n_beads, rows_of_training), n_tiles = (n_frames + step - 1) / step;
    const int stride = 3 * n_beads;
    const int n_shares = std::max(1, std::min(n_threads, n_tiles));
    const double scale = 1.0 / (static_cast<double>(n_frames) * stride);
    std::vector<MatchingTile<T>> tiles;
    for (int k = 0; k < n_shares; ++k) tiles.emplace_back(network);
    on_threads(n_shares, [&](int thread) {
        for (int k = thread * n_tiles / n_shares; k < (thread + 1) * n_tiles / n_shares; ++k)
            match(network, tiles[thread], std::min(step, n_frames - k * step), x + std::size_t(k) * step * stride,
                  target + std::size_t(k) * step * stride, static_cast<T>(scale), gradients != nullptr);
    });
    double loss = 0;
    for (const MatchingTile<T>& tile : tiles) {
        loss += scale * tile.loss;
        if (gradients) tile.gradients.add_to(*gradients);
    }
    return loss;
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
    }                                                                                                              \
    extern "C" int force_loss_##T(int n_beads, const cgpipe::NetworkData<T>* data, int n_frames, const T* x,       \
                                  const T* target, double* loss, const cgpipe::NetworkData<T>* gradients,          \
                                  int n_threads) {                                                                 \
        try {                                                                                                      \
            *loss = cgpipe::force_loss(n_beads, *data, n_frames, x, target, gradients, n_threads);                 \
            return 0;                                                                                              \
        } catch (const std::exception&) {                                                                          \
            return 1;                                                                                              \
        }                                                                                                          \
    }

CGPIPE_INTERFACE(float)
CGPIPE_INTERFACE(double)

// Raised with every change of the structures or functions above, so that a library built before it is not called.
extern "C" int interface_version() { return 1; }
