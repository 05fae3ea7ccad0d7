# One table and one page over all systems.


rule summary:
    input:
        expand(f"{RESULTS}/{{system}}/comparison.json", system=REQUESTED),
    output:
        f"{RESULTS}/summary.csv",
    log:
        f"{RESULTS}/summary.log",
    benchmark:
        f"{RESULTS}/summary.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    shell:
        "cgpipe summary --comparisons {input} --output {output} 2>&1 | tee {log}"


rule index:
    input:
        expand(f"{RESULTS}/{{system}}/comparison.json", system=REQUESTED),
        all_figures(),
    output:
        f"{RESULTS}/index.html",
    log:
        f"{RESULTS}/index.log",
    benchmark:
        f"{RESULTS}/index.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        systems=" ".join(REQUESTED),
        results=lambda wildcards, output: Path(output[0]).parent,
    shell:
        "cgpipe index --systems {params.systems} --results {params.results} --output {output} 2>&1 | tee {log}"
