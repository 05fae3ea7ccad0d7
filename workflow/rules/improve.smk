# Active learning: mean forces where the folds disagree, then training, simulation and comparison again, round by round.


rule propose:
    input:
        models=models_before,
        simulation=simulations_before,
        beads=bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/beads/proposals.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/propose.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/propose.tsv"
    wildcard_constraints:
        system=one_of(ROUNDS),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        section=improve_keys("n_configurations", "n_jobs", "max_rmsd_nm"),
        seed=seed,
        number=round_number,
    shell:
        "cgpipe propose --section {params.section:q} --seed {params.seed} --round {params.number} --models {input.models}"
        " --simulation {input.simulation} --beads {input.beads} --output {output} 2>&1 | tee {log}"


rule explore:
    input:
        system=origin_file("reference/system.json"),
        maps=origin_file("beads/mapping.json"),
        proposals=f"{RESULTS}/{{system}}/beads/proposals.h5md",
        trajectories=trajectories,
    output:
        f"{RESULTS}/{{system}}/beads/explored{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/explore{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/explore{{index}}.tsv"
    wildcard_constraints:
        system=one_of(ROUNDS),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        reference=simulated_reference,
        improve=improve_keys(
            "n_configurations", "n_jobs", "lead_ps", "equilibration_ps", "length_ps"
        ),
        seed=seed,
        number=round_number,
    shell:
        "cgpipe explore --section {params.reference:q} --improve {params.improve:q} --seed {params.seed}"
        " --round {params.number}"
        " --system {input.system} --maps {input.maps} --proposals {input.proposals}"
        " --trajectories {input.trajectories} --index {wildcards.index} --output {output} 2>&1 | tee {log}"


checkpoint gain:
    input:
        comparisons_so_far,
    output:
        f"{RESULTS}/{{system}}/gain.json",
    log:
        f"{RESULTS}/{{system}}/logs/gain.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/gain.tsv"
    wildcard_constraints:
        system=one_of(ROUNDS),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        section=improve_keys("n_rounds", "min_gain"),
    shell:
        "cgpipe gain --section {params.section:q} --comparisons {input} --output {output} 2>&1 | tee {log}"


rule gains:
    input:
        comparisons_of_rounds,
    output:
        table=f"{RESULTS}/improve/{{base}}/gains.csv",
        png=f"{RESULTS}/improve/{{base}}/gains.png",
        pdf=f"{RESULTS}/improve/{{base}}/gains.pdf",
    log:
        f"{RESULTS}/improve/{{base}}/gains.log",
    benchmark:
        f"{RESULTS}/improve/{{base}}/gains.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        points=points_of_rounds,
        labels=json.dumps({"round": "round of new mean forces"}),
        title=lambda wildcards: f"{wildcards.base}: mean forces where the folds disagree",
    shell:
        "cgpipe study --points {params.points:q} --labels {params.labels:q} --title {params.title:q}"
        " --comparisons {input} --figure {output.png} {output.pdf} --output {output.table} 2>&1 | tee {log}"


rule improve:
    input:
        expand(f"{RESULTS}/improve/{{base}}/gains.png", base=PROJECT.improve),
