# Classical terms: fitted to a system's own frames, or carried over from others.


rule prior:
    input:
        beads=bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/prior/prior.json",
    log:
        f"{RESULTS}/{{system}}/logs/prior.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/prior.tsv"
    wildcard_constraints:
        system=one_of(set(SYSTEMS) - set(TRANSFERRED)),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        section=section("prior"),
        split=section("split"),
        temperature=temperature,
        noise=noise_argument,
        seed=seed,
    shell:
        "cgpipe prior --section {params.section:q} --split {params.split:q} --temperature {params.temperature}"
        " {params.noise} --seed {params.seed} --beads {input.beads} --output {output} 2>&1 | tee {log}"


rule transfer:
    input:
        beads=bead_trajectories,
        priors=source_priors,
        sources=source_beads,
    output:
        f"{RESULTS}/{{system}}/prior/prior.json",
    log:
        f"{RESULTS}/{{system}}/logs/transfer.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/transfer.tsv"
    wildcard_constraints:
        system=one_of(TRANSFERRED),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        section=section("prior"),
        temperature=temperature,
    shell:
        "cgpipe transfer --section {params.section:q} --temperature {params.temperature} --priors {input.priors}"
        " --sources {input.sources} --beads {input.beads} --output {output} 2>&1 | tee {log}"
