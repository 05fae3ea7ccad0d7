# Histograms of each ensemble, and their comparison.


rule analyse:
    input:
        ensemble,
    output:
        f"{RESULTS}/{{system}}/analysis/{{ensemble}}.h5",
    log:
        f"{RESULTS}/{{system}}/logs/analyse_{{ensemble}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/analyse_{{ensemble}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        section=section("analysis"),
    shell:
        "cgpipe analyse --section {params.section:q} --beads {input} --output {output} 2>&1 | tee {log}"


rule compare:
    input:
        reference=f"{RESULTS}/{{system}}/analysis/reference.h5",
        model=f"{RESULTS}/{{system}}/analysis/model.h5",
        check=check_histograms,
    output:
        json=f"{RESULTS}/{{system}}/comparison.json",
        record=f"{RESULTS}/{{system}}/analysis/comparison.h5",
    log:
        f"{RESULTS}/{{system}}/logs/compare.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/compare.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        section=section("analysis"),
        temperature=temperature,
        seed=SEED,
        check=lambda wildcards, input: f"--check {input.check}" if input.check else "",
    shell:
        "cgpipe compare --section {params.section:q} --seed {params.seed} --temperature {params.temperature}"
        " --reference {input.reference} --model {input.model} {params.check} --record {output.record}"
        " --output {output.json} 2>&1 | tee {log}"
