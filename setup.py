"""The compiled engine of cgpipe/model/cpp, once for each kind of CPU; everything else stands in pyproject.toml.

Without a C++ compiler the package installs all the same, and simulates by torch alone.
"""

import platform

from setuptools import Extension, setup

_FLAGS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-pthread"]
_LEVELS = {"default": []}
if platform.machine() in {"x86_64", "AMD64"}:
    _LEVELS |= {
        "avx2": ["-mavx2", "-mfma"],
        "avx512": ["-mavx512f", "-mavx512vl", "-mavx512bw", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"],
    }

setup(
    ext_modules=[
        Extension(
            f"cgpipe.model._engine_{level}",
            ["cgpipe/model/cpp/engine.cpp"],
            depends=[
                f"cgpipe/model/cpp/{name}.hpp"
                for name in ("vectors", "matrix", "pairs", "prior", "network", "tile", "matching")
            ],
            extra_compile_args=[*_FLAGS, *flags],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,
        )
        for level, flags in _LEVELS.items()
    ]
)
