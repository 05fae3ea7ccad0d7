# Atomistic reference: downloads; system, bias, recorded trajectories; or data that others recorded.


rule download:
    output:
        f"{RESULTS}/{{system}}/download/{{file}}",
    log:
        f"{RESULTS}/{{system}}/logs/download_{{file}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/download_{{file}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(720),
    params:
        source=download_arguments,
        # Taking `threads`, this is not watched: a file need not come again because it could come from elsewhere.
        mirror=lambda wildcards, threads: json.dumps(MIRROR),
    shell:
        "cgpipe download {params.source} --mirror {params.mirror:q} --lock config/downloads.lock"
        " --output {output} 2>&1 | tee {log}"


rule convert_atoms:
    input:
        source_files,
    output:
        f"{RESULTS}/{{system}}/reference/trajectory0.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/convert_atoms.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/convert_atoms.tsv"
    wildcard_constraints:
        system=one_of(set(CONVERTED) - set(BEADS_ONLY)),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(720),
    params:
        section=section("reference"),
    shell:
        "cgpipe convert --section {params.section:q} --files {input:q} --output {output} 2>&1 | tee {log}"


rule convert_beads:
    input:
        source_files,
    output:
        f"{RESULTS}/{{system}}/beads/trajectory0.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/convert_beads.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/convert_beads.tsv"
    wildcard_constraints:
        system=one_of(BEADS_ONLY),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(720),
    params:
        section=section("reference"),
    shell:
        "cgpipe convert --section {params.section:q} --files {input:q} --output {output} 2>&1 | tee {log}"


rule system:
    input:
        start_structure,
    output:
        json=f"{RESULTS}/{{system}}/reference/system.json",
        pdb=f"{RESULTS}/{{system}}/reference/system.pdb",
    log:
        f"{RESULTS}/{{system}}/logs/system.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/system.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        section=simulated_reference,
        structure=lambda wildcards, input: f"--structure {input}" if input else "",
    shell:
        "cgpipe system --section {params.section:q} {params.structure} --output {output.json} 2>&1 | tee {log}"


rule tica:
    input:
        bead_trajectories,
    output:
        f"{RESULTS}/{{system}}/analysis/tica.h5",
    log:
        f"{RESULTS}/{{system}}/logs/tica.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/tica.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        lag=lambda wildcards: SYSTEMS[wildcards.system].analysis.markov.lag_ps,
        n_tics=lambda wildcards: SYSTEMS[wildcards.system].analysis.markov.n_tics,
    shell:
        "cgpipe tica --lag {params.lag} --n-tics {params.n_tics} --beads {input} --output {output} 2>&1 | tee {log}"


rule exchange:
    input:
        f"{RESULTS}/{{system}}/reference/system.json",
    output:
        f"{RESULTS}/{{system}}/reference/exchange.h5",
    log:
        f"{RESULTS}/{{system}}/logs/exchange.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/exchange.tsv"
    wildcard_constraints:
        system=one_of(SIMULATED),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        section=simulated_reference,
        seed=seed,
    shell:
        "cgpipe exchange --section {params.section:q} --seed {params.seed} --system {input} --output {output}"
        " 2>&1 | tee {log}"


rule bias:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
        slow=slow_coordinates,
        exchange=walker_starts,
    output:
        f"{RESULTS}/{{system}}/reference/bias{{index}}.json",
    log:
        f"{RESULTS}/{{system}}/logs/bias{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/bias{{index}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(240),
    params:
        section=simulated_reference,
        seed=seed,
        slow=lambda wildcards, input: f"--slow {input.slow}" if input.slow else "",
        exchange=exchanged_argument,
    shell:
        "cgpipe bias --section {params.section:q} --seed {params.seed} --system {input.system} {params.slow} {params.exchange}"
        " --index {wildcards.index} --output {output} 2>&1 | tee {log}"


rule trajectory:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
        bias=biases,
        exchange=exchanged,
    output:
        f"{RESULTS}/{{system}}/reference/trajectory{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/trajectory{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/trajectory{{index}}.tsv"
    wildcard_constraints:
        system=one_of(SIMULATED),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        section=simulated_reference,
        seed=seed,
        exchange=exchanged_argument,
    shell:
        "cgpipe trajectory --section {params.section:q} --seed {params.seed} --system {input.system}"
        " --bias {input.bias} {params.exchange} --index {wildcards.index} --output {output} 2>&1 | tee {log}"


rule weights:
    input:
        biases=all_biases,
        trajectories=trajectories,
    output:
        f"{RESULTS}/{{system}}/reference/weights.h5",
    log:
        f"{RESULTS}/{{system}}/logs/weights.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/weights.tsv"
    wildcard_constraints:
        system=one_of(SIMULATED),
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        section=simulated_reference,
    shell:
        "cgpipe weights --section {params.section:q} --biases {input.biases} --trajectories {input.trajectories}"
        " --output {output} 2>&1 | tee {log}"


rule check_trajectory:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
        exchange=exchanged,
    output:
        f"{RESULTS}/{{system}}/reference/check{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/check{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/check{{index}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        section=simulated_reference,
        seed=seed,
        exchange=exchanged_argument,
    shell:
        "cgpipe trajectory --check --section {params.section:q} --seed {params.seed} --system {input.system}"
        " {params.exchange} --index {wildcards.index} --output {output} 2>&1 | tee {log}"
