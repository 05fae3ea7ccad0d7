# Force matching, one job a fold.


rule train:
    input:
        beads=training_beads,
        prior=f"{RESULTS}/{{system}}/prior/prior.json",
    output:
        model=f"{RESULTS}/{{system}}/train/fold{{fold}}/model.safetensors",
        history=f"{RESULTS}/{{system}}/train/fold{{fold}}/history.csv",
    log:
        f"{RESULTS}/{{system}}/logs/train{{fold}}.log",
    benchmark:
        f"{RESULTS}/{{system}}/benchmarks/train{{fold}}.tsv"
    conda:
        "../../envs/cgpipe.yaml"
    threads: N_PROCESSES
    resources:
        **gpus(N_PROCESSES),
        mem_mb=growing(4000),
        runtime=growing(1440),
    params:
        section=section("training"),
        molecules=training_arguments,
        network=section("network"),
        split=section("split"),
        temperature=temperature,
        seed=seed,
        device=DEVICE,
        # Taking `threads`, these are not watched: another number of processes is no reason to train again.
        command=lambda wildcards, threads: "cgpipe" if N_PROCESSES == 1 else TORCHRUN,
        threads_each=lambda wildcards, threads: max(1, threads // N_PROCESSES),
    shell:
        "{params.command} train --section {params.section:q} --network {params.network:q} --split {params.split:q}"
        " --temperature {params.temperature} --fold {wildcards.fold} --seed {params.seed} --device {params.device}"
        " --threads {params.threads_each} {params.molecules} --prior {input.prior} --history {output.history}"
        " --output {output.model} 2>&1 | tee {log}"
