# What limits a model: a system varied along axes, every point with several seeds; asked for by `snakemake study`.


def study_comparisons(wildcards):
    """Comparisons of all points of a study."""
    points = STUDIES[wildcards.study].points
    return [f"{RESULTS}/{point.system}/comparison.json" for point in points]


def study_points(wildcards):
    """What `cgpipe study` is told of each point, in the order of the comparisons, as JSON."""
    points = STUDIES[wildcards.study].points
    fields = ("axis", "value", "seed", "atomistic_ns")
    return json.dumps(
        [{name: getattr(point, name) for name in fields} for point in points]
    )


def study_title(wildcards):
    """What the figure says of the study."""
    return STUDIES[wildcards.study].section.description or wildcards.study


def study_labels(wildcards):
    """What the figure writes at each axis, as JSON."""
    axes = STUDIES[wildcards.study].section.axes
    return json.dumps({name: axis.label for name, axis in axes.items()})


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
