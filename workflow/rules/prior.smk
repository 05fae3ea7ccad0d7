# Classical terms.


rule prior:
    input:
        beads=bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/prior/prior.json",
    log:
        f"{RESULTS}/{{system}}/logs/prior.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/prior.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        section=section("prior"),
        split=section("split"),
        temperature=temperature,
        seed=SEED,
    shell:
        "cgpipe prior --section {params.section:q} --split {params.split:q} --temperature {params.temperature}"
        " --seed {params.seed} --beads {input.beads} --output {output} 2>&1 | tee {log}"
