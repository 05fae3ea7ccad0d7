# Atomistic reference: system, bias, recorded trajectories.


rule system:
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
        mem_mb=1000,
        runtime=10,
    params:
        section=section("reference"),
    shell:
        "cgpipe system --section {params.section:q} --output {output.json} 2>&1 | tee {log}"


rule bias:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
    output:
        f"{RESULTS}/{{system}}/reference/bias{{index}}.json",
    log:
        f"{RESULTS}/{{system}}/logs/bias{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/bias{{index}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        section=section("reference"),
        seed=SEED,
    shell:
        "cgpipe bias --section {params.section:q} --seed {params.seed} --system {input.system}"
        " --index {wildcards.index} --output {output} 2>&1 | tee {log}"


rule trajectory:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
        bias=biases,
    output:
        f"{RESULTS}/{{system}}/reference/trajectory{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/trajectory{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/trajectory{{index}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=1000,
        runtime=1440,
    params:
        section=section("reference"),
        seed=SEED,
    shell:
        "cgpipe trajectory --section {params.section:q} --seed {params.seed} --system {input.system}"
        " --bias {input.bias} --index {wildcards.index} --output {output} 2>&1 | tee {log}"


rule check_trajectory:
    input:
        system=f"{RESULTS}/{{system}}/reference/system.json",
    output:
        f"{RESULTS}/{{system}}/reference/check{{index}}.h5md",
    log:
        f"{RESULTS}/{{system}}/logs/check{{index}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/check{{index}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=1000,
        runtime=1440,
    params:
        section=section("reference"),
        seed=SEED,
    shell:
        "cgpipe trajectory --check --section {params.section:q} --seed {params.seed} --system {input.system}"
        " --index {wildcards.index} --output {output} 2>&1 | tee {log}"
