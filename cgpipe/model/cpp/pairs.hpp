// Distances of all pairs of beads of one replica, and the way back from dE/dd to forces.
#pragma once

#include <cmath>
#include <vector>

#include "vectors.hpp"

namespace cgpipe {

// One pair inside the cutoff, with its place in the filter tables and the Hermite weights of W and dW/dd there.
template <typename T>
struct Contact {
    int first, second, pair, knot;
    T value[4], slope[4];
};

// Pairs are numbered (0,1), (0,2), ..., (1,2), ...: for one first bead they lie side by side.
template <typename T>
class Pairs {
public:
    explicit Pairs(int n_beads)
        : n_beads(n_beads), n_pairs(n_beads * (n_beads - 1) / 2), x_(n_beads), y_(n_beads), z_(n_beads), dx_(n_pairs),
          dy_(n_pairs), dz_(n_pairs), tension_(n_pairs), distance(n_pairs), gradient(n_pairs) {}

    static int index(int first, int second, int n_beads) {
        if (first > second) std::swap(first, second);
        return first * (2 * n_beads - first - 1) / 2 + second - first - 1;
    }

    // Sets the distances and clears dE/dd.
    void measure(const T* positions) {
        for (int bead = 0; bead < n_beads; ++bead) {
            x_[bead] = positions[3 * bead];
            y_[bead] = positions[3 * bead + 1];
            z_[bead] = positions[3 * bead + 2];
        }
        for (int first = 0, start = 0; first < n_beads; start += n_beads - 1 - first, ++first)
            for (int k = 0; k < n_beads - 1 - first; ++k) {
                dx_[start + k] = x_[first + 1 + k] - x_[first];
                dy_[start + k] = y_[first + 1 + k] - y_[first];
                dz_[start + k] = z_[first + 1 + k] - z_[first];
            }
        for (int pair = 0; pair < n_pairs; ++pair)
            distance[pair] = std::sqrt(dx_[pair] * dx_[pair] + dy_[pair] * dy_[pair] + dz_[pair] * dz_[pair]);
        gradient.clear();
    }

    // Appends the pairs inside the cutoff. A distance that is not a number is no contact, and `pull` spreads it.
    void find_contacts(T cutoff, int n_knots, std::vector<Contact<T>>& contacts) {
        const T spacing = cutoff / (n_knots - 1);
        for (int first = 0, pair = 0; first < n_beads; ++first)
            for (int second = first + 1; second < n_beads; ++second, ++pair) {
                const T d = distance[pair];
                if (!(d < cutoff)) continue;
                const T place = d / spacing;
                const int knot = std::min(static_cast<int>(place), n_knots - 2);
                const T t = place - knot, t2 = t * t, t3 = t2 * t;
                contacts.push_back(
                    {first, second, pair, knot,
                     {2 * t3 - 3 * t2 + 1, t3 - 2 * t2 + t, 3 * t2 - 2 * t3, t3 - t2},
                     {(6 * t2 - 6 * t) / spacing, (3 * t2 - 4 * t + 1) / spacing, (6 * t - 6 * t2) / spacing,
                      (3 * t2 - 2 * t) / spacing}});
            }
    }

    // forces -= dE/dd dd/dr of all pairs.
    void pull(T* forces) {
        for (int bead = 0; bead < n_beads; ++bead) x_[bead] = y_[bead] = z_[bead] = 0;
        for (int pair = 0; pair < n_pairs; ++pair) tension_[pair] = gradient[pair] / distance[pair];
        for (int first = 0, start = 0; first < n_beads; start += n_beads - 1 - first, ++first)
            for (int k = 0; k < n_beads - 1 - first; ++k) {
                const T tension = tension_[start + k];
                x_[first] += tension * dx_[start + k];
                y_[first] += tension * dy_[start + k];
                z_[first] += tension * dz_[start + k];
                x_[first + 1 + k] -= tension * dx_[start + k];
                y_[first + 1 + k] -= tension * dy_[start + k];
                z_[first + 1 + k] -= tension * dz_[start + k];
            }
        for (int bead = 0; bead < n_beads; ++bead) {
            forces[3 * bead] += x_[bead];
            forces[3 * bead + 1] += y_[bead];
            forces[3 * bead + 2] += z_[bead];
        }
    }

    // What a change of the forces along `direction`, (n_beads, 3), means for dE/dd: the transpose of `pull`.
    T stretch(const Contact<T>& contact, const T* direction) const {
        const T *first = direction + 3 * contact.first, *second = direction + 3 * contact.second;
        const int pair = contact.pair;
        return ((first[0] - second[0]) * dx_[pair] + (first[1] - second[1]) * dy_[pair] +
                (first[2] - second[2]) * dz_[pair]) / distance[pair];
    }

    const int n_beads, n_pairs;

private:
    Buffer<T> x_, y_, z_, dx_, dy_, dz_, tension_;

public:
    Buffer<T> distance, gradient;
};

}  // namespace cgpipe
