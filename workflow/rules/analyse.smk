# State space of a protein, histograms and kinetics of each ensemble, and their comparison.


rule states:
    input:
        beads=bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/analysis/states.h5",
    log:
        f"{RESULTS}/{{system}}/logs/states.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/states.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        section=section("analysis"),
        seed=seed,
    shell:
        "cgpipe states --section {params.section:q} --seed {params.seed} --beads {input.beads}"
        " --output {output} 2>&1 | tee {log}"


rule analyse:
    input:
        beads=ensemble,
        states=states,
        native=native,
    output:
        f"{RESULTS}/{{system}}/analysis/{{ensemble}}.h5",
    log:
        f"{RESULTS}/{{system}}/logs/analyse_{{ensemble}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/analyse_{{ensemble}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        section=section("analysis"),
        seed=seed,
        # No watched parameters: that these files are inputs is enough.
        states=lambda wildcards, input: (
            f"--states {input.states}" if input.states else ""
        ),
        native=lambda wildcards, input: (
            f"--native {input.native}" if input.native else ""
        ),
        kinetics=lambda wildcards: (
            ""
            if follows_dynamics(wildcards.system, wildcards.ensemble)
            else "--no-kinetics"
        ),
    shell:
        "cgpipe analyse --section {params.section:q} --seed {params.seed} --ensemble {wildcards.ensemble}"
        " {params.states} {params.native} {params.kinetics} --beads {input.beads} --output {output} 2>&1 | tee {log}"


rule compare:
    input:
        reference=reference_histograms,
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
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        section=section("analysis"),
        temperature=temperature,
        seed=seed,
        check=lambda wildcards, input: f"--check {input.check}" if input.check else "",
    shell:
        "cgpipe compare --section {params.section:q} --seed {params.seed} --temperature {params.temperature}"
        " --reference {input.reference} --model {input.model} {params.check} --record {output.record}"
        " --output {output.json} 2>&1 | tee {log}"


# The recorded frames with their weights in the place of the model: what the data say by themselves.
use rule compare as compare_data with:
    input:
        reference=reference_histograms,
        model=f"{RESULTS}/{{system}}/analysis/data.h5",
        check=[],
    output:
        json=f"{RESULTS}/{{system}}/data_comparison.json",
        record=f"{RESULTS}/{{system}}/analysis/data_comparison.h5",
    log:
        f"{RESULTS}/{{system}}/logs/compare_data.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/compare_data.tsv"


rule uncertainty:
    input:
        models=models,
        labels=judging_labels,
        simulation=simulations,
        states=states,
    output:
        f"{RESULTS}/{{system}}/analysis/uncertainty.h5",
    log:
        f"{RESULTS}/{{system}}/logs/uncertainty.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/uncertainty.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        split=section("split"),
        section=section("analysis"),
        seed=seed,
        states=lambda wildcards, input: (
            f"--states {input.states}" if input.states else ""
        ),
    shell:
        "cgpipe uncertainty --split {params.split:q} --analysis {params.section:q} --seed {params.seed}"
        " --models {input.models} --labels {input.labels} --simulation {input.simulation} {params.states}"
        " --output {output} 2>&1 | tee {log}"
