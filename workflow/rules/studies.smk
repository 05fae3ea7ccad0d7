# What limits a model: a system varied along axes, every point with several seeds; asked for by `snakemake study`.


rule study_points:
    input:
        study_comparisons,
    output:
        table=f"{RESULTS}/studies/{{study}}/study.csv",
        png=f"{RESULTS}/studies/{{study}}/study.png",
        pdf=f"{RESULTS}/studies/{{study}}/study.pdf",
    log:
        f"{RESULTS}/studies/{{study}}/study.log",
    benchmark:
        f"{RESULTS}/studies/{{study}}/study.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        points=study_points,
        labels=study_labels,
        title=study_title,
    shell:
        "cgpipe study --points {params.points:q} --labels {params.labels:q} --title {params.title:q}"
        " --comparisons {input} --figure {output.png} {output.pdf} --output {output.table} 2>&1 | tee {log}"


rule study:
    input:
        expand(f"{RESULTS}/studies/{{study}}/study.png", study=STUDIES),
