"""Makes `known_systems` and `judgement` importable; every folder of tests that needs them does the same."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))
