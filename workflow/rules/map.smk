# From atoms to beads: the force map is a property of all frames, its application one job a trajectory.


rule forcemap:
    input:
        trajectories,
    output:
        f"{RESULTS}/{{system}}/beads/mapping.json",
    log:
        f"{RESULTS}/{{system}}/logs/forcemap.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/forcemap.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        section=section("mapping"),
    shell:
        "cgpipe forcemap --section {params.section:q} --trajectories {input} --output {output} 2>&1 | tee {log}"


rule map:
    input:
        maps=f"{RESULTS}/{{system}}/beads/mapping.json",
        trajectory=f"{RESULTS}/{{system}}/reference/{{run}}.h5md",
        weights=window_weights,
    output:
        f"{RESULTS}/{{system}}/beads/{{run}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/map_{{run}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/map_{{run}}.tsv"
    wildcard_constraints:
        system=one_of(set(SYSTEMS) - set(BEADS_ONLY) - set(SHARED)),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        weights=lambda wildcards, input: (
            f"--weights {input.weights}" if input.weights else ""
        ),
    shell:
        "cgpipe map --maps {input.maps} --trajectory {input.trajectory} {params.weights} --output {output}"
        " 2>&1 | tee {log}"


rule meanforce:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
        maps=f"{RESULTS}/{{system}}/beads/mapping.json",
        trajectories=trajectories,
    output:
        f"{RESULTS}/{{system}}/beads/meanforce{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/meanforce{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/meanforce{{index}}.tsv"
    wildcard_constraints:
        system=one_of(SIMULATED),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        section=section("reference"),
        seed=seed,
    shell:
        "cgpipe meanforce --section {params.section:q} --seed {params.seed} --system {input.system} --maps {input.maps}"
        " --trajectories {input.trajectories} --index {wildcards.index} --output {output} 2>&1 | tee {log}"


rule share:
    input:
        shared_beads,
    output:
        f"{RESULTS}/{{system}}/beads/{{run}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/share_{{run}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/share_{{run}}.tsv"
    wildcard_constraints:
        system=one_of(SHARED),
        run=r"(trajectory|meanforce)\d+",
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        frames=share_arguments,
    shell:
        "cgpipe share --beads {input} {params.frames} --output {output} 2>&1 | tee {log}"
