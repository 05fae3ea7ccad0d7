# Speed of this machine, asked for by name: `snakemake --cores all benchmarks`. Each takes all cores, so nothing runs beside it.

from os import cpu_count

BENCHMARKS = {
    "replicas": "simulate --beads 10 --replicas 1 32 256 1000 4096 --torch",
    "beads": "simulate --beads 20 35 80 269 --replicas 32",
    "training": "train --beads 10 80 --batch 512 --torch",
    "mapping": "map --beads 175 --frames 20000",
}


rule benchmark:
    output:
        f"{RESULTS}/benchmarks/{{benchmark}}.json",
    log:
        f"{RESULTS}/benchmarks/{{benchmark}}.log",
    wildcard_constraints:
        benchmark=one_of(BENCHMARKS),
    conda:
        "../../envs/cgpipe.yaml"
    threads: cpu_count()
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        case=lambda wildcards: BENCHMARKS[wildcards.benchmark],
        device=DEVICE,
    shell:
        "cgpipe benchmark {params.case} --device {params.device} --threads {threads} --json {output} 2>&1 | tee {log}"


rule benchmarks:
    input:
        expand(f"{RESULTS}/benchmarks/{{benchmark}}.json", benchmark=BENCHMARKS),
        "docs/benchmarks/peers.json",
    output:
        page="docs/benchmarks/speed.md",
        figures=multiext("docs/benchmarks/speed", ".png", ".pdf"),
    log:
        f"{RESULTS}/benchmarks/report.log",
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    shell:
        "cgpipe benchmark report --inputs {input} --output {output.page} --figure {output.figures} 2>&1 | tee {log}"
