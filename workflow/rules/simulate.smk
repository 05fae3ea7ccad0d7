# Langevin dynamics of the CG model, replicas shared among jobs.


rule simulate:
    input:
        models=models,
        beads=bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/simulation/job{{job}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/simulate{{job}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/simulate{{job}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        **gpus(1),
        mem_mb=growing(4000),
        runtime=growing(1440),
    params:
        section=section("simulation"),
        seed=seed,
        device=DEVICE,
    shell:
        "cgpipe simulate --section {params.section:q} --seed {params.seed} --device {params.device}"
        " --threads {threads} --models {input.models} --beads {input.beads} --job {wildcards.job}"
        " --output {output} 2>&1 | tee {log}"
