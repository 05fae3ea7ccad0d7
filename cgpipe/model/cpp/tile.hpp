// A few replicas that one thread works on, as many as fit the cache, and the sharing of tiles among threads.
#pragma once

#include <algorithm>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "network.hpp"

namespace cgpipe {

// Beads of a tile: few, so that everything of a step stays in the cache; more in training, where the derivatives of the
// weights do not fit in any case and are better added to seldom.
constexpr int rows_of_simulation = 32, rows_of_training = 128;

inline int replicas_of_a_tile(int n_beads, int n_rows) { return std::max(1, n_rows / n_beads); }

// Arrays of one thread; nothing is allocated later.
template <typename T>
struct Tile {
    Tile(const Network<T>& network, int n_rows)
        : contacts(replicas_of_a_tile(network.n_beads, n_rows)),
          work(contacts.size() * network.n_beads, network.n_blocks, network.n_features, network.mixed) {
        for (std::size_t k = 0; k < contacts.size(); ++k) {
            pairs.emplace_back(network.n_beads);
            contacts[k].reserve(pairs[k].n_pairs);
        }
    }

    // Distances and contacts of one replica.
    void measure(int replica, const T* positions, const Network<T>& network) {
        pairs[replica].measure(positions);
        contacts[replica].clear();
        pairs[replica].find_contacts(network.cutoff, network.n_knots, contacts[replica]);
    }

    std::vector<Pairs<T>> pairs;
    Contacts<T> contacts;
    Workspace<T> work;
};

// Calls work(k) for k = 0 ... n - 1, each on a thread of its own; where the system gives no more, on this one.
inline void on_threads(int n, const std::function<void(int)>& work) {
    std::vector<std::thread> others;
    others.reserve(n);
    int started = 1;
    try {
        for (; started < n; ++started) others.emplace_back(work, started);
    } catch (const std::system_error&) {
    }
    work(0);
    for (int k = started; k < n; ++k) work(k);
    for (std::thread& thread : others) thread.join();
}

}  // namespace cgpipe
