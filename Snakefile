"""From atomistic molecular dynamics to a validated coarse-grained force field.

`snakemake --cores all` makes everything for the systems of config/config.yaml; `snakemake figures` the figures alone;
`snakemake paper` the figures with a page that shows them; `snakemake ala2` one system; `snakemake study` the studies of
config/studies; `snakemake improve` rounds of new mean forces where models are unsure; `snakemake benchmarks` the speed
of this machine. `snakemake -n` says what would run and why.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/map.smk"
include: "workflow/rules/prior.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/improve.smk"
include: "workflow/rules/benchmarks.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/summary.csv",
        all_figures(),


rule figures:
    input:
        all_figures(),


rule paper:
    input:
        f"{RESULTS}/index.html",
        f"{RESULTS}/summary.csv",


for system in sorted(set(SYSTEMS) - set(POINTS | ROUNDS)):

    rule:
        name:
            system
        input:
            f"{RESULTS}/{system}/comparison.json",
            system_figures(system),
