"""Build the atomistic system of `reference`: structure, hydrogens, parameters, minimum, fastest platform.

example: cgpipe system --section reference.yaml --output results/ala2/reference/system.json
"""

import argparse
from pathlib import Path

from cgpipe.cli.arguments import add_output, add_section
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.files import save_json, whole_file
from cgpipe.provenance import provenance
from cgpipe.reference.system import build_system, pdb_text, to_plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe system`."""
    add_section(parser, what="`reference`")
    parser.add_argument("--structure", type=Path, metavar="FILE", help="PDB file, where the section has no sequence")
    add_output(parser, what="JSON file; a PDB of the same name is written beside it")


def run(args: argparse.Namespace) -> None:
    """Write the system and its structure."""
    section = parse_section(OpenMMReferenceSection, args.section)
    atomistic = build_system(section, args.structure)
    structure = args.output.with_suffix(".pdb")
    with whole_file(structure) as temporary:
        temporary.write_text(pdb_text(atomistic.topology, atomistic.starts["native"]))
    inputs = [args.structure] if args.structure else []
    record = provenance("system", {"reference": plain(section)}, seed=0, inputs=inputs, outputs=[structure])
    save_json(args.output, {**to_plain(atomistic), "provenance": record})
    n_particles = atomistic.system.getNumParticles()
    print(f"{atomistic.topology.n_sites} atoms, {n_particles} with solvent, on platform {atomistic.platform}")
