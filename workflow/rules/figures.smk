# Figures from result records; one job a figure.


rule figure:
    input:
        figure_sources,
    output:
        png=report(
            f"{RESULTS}/{{system}}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="{system}",
        ),
        pdf=f"{RESULTS}/{{system}}/figures/{{figure}}.pdf",
    log:
        f"{RESULTS}/{{system}}/logs/figure_{{figure}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/figure_{{figure}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        title=title,
    shell:
        "cgpipe figure --name {wildcards.figure} --title {params.title:q} --sources {input}"
        " --output {output.png} {output.pdf} 2>&1 | tee {log}"
