"""Show the completed config of a system, every default included, or the JSON schema for editors.

examples:
  cgpipe config show ala2
  cgpipe config show ala2 --project config/full.yaml
  cgpipe config schema > config/schema.json
"""

import argparse
import json
from pathlib import Path

import yaml

from cgpipe.config.project import load_project, load_system, plain, read_yaml
from cgpipe.config.sections import SystemConfig
from cgpipe.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe config`."""
    parser.add_argument("action", choices=["show", "schema"])
    parser.add_argument("system", nargs="?", help="name of a file under config/systems/")
    parser.add_argument("--project", type=Path, default=Path("config/config.yaml"), help="default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Print to standard output."""
    if args.action == "schema":
        print(json.dumps(SystemConfig.model_json_schema(), indent=2))
        return
    if args.system is None:
        raise ConfigError("`cgpipe config show` needs the name of a system, such as ala2")
    project = load_project(read_yaml(args.project), source=str(args.project))
    system = load_system(project, args.system, folder=Path("config/systems"))
    print(yaml.safe_dump(plain(system), sort_keys=False, allow_unicode=True), end="")
