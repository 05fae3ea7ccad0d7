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
    output:
        f"{RESULTS}/{{system}}/beads/{{run}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/map_{{run}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/map_{{run}}.tsv"
    wildcard_constraints:
        system=one_of(set(SYSTEMS) - set(BEADS_ONLY)),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    shell:
        "cgpipe map --maps {input.maps} --trajectory {input.trajectory} --output {output} 2>&1 | tee {log}"
