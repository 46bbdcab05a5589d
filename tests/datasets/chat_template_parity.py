"""Chat templates: the text equals what Jinja makes of the template that was recognised.

usage: chat_template_parity.py PROBE MODEL   (MODEL: any tokenizer; it is loaded, not used)
"""

import random
import sys

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizer_parity import Probe, Report

BODY = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"


def chatml(system=None):
    first = "" if system is None else "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n" + system + "<|im_end|>\n' }}{% endif %}"
    return "{% for message in messages %}" + first + BODY


LLAMA3_LOOP = ("{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
               "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}")
LLAMA3_PROMPT = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
# What Llama 3.1's template does without tools, in its words where ours looks for them.
LLAMA31 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}"""
SMOLLM2 = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

KNOWN = {
    "chatml": [chatml(), chatml("Du bist hilfreich."), chatml().replace("\n", "\\n"), chatml().replace("{{'", "{{ '").replace("'}}", "' }}"),
               "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}" + chatml()],
    "smollm2": [chatml(SMOLLM2)],
    "qwen2": [chatml("You are a helpful assistant.")],
    "llama3": [LLAMA3_LOOP + "{% if add_generation_prompt %}" + LLAMA3_PROMPT + "{% endif %}", LLAMA3_LOOP + LLAMA3_PROMPT],
    "llama3.1": [LLAMA31],
}
UNKNOWN = ["", "{{ messages }}", chatml() + "x", chatml().replace("im_end", "eom"), chatml("a' + x + 'b"), chatml("{{ 1 }}"), chatml("x").replace("{% endif %}{{", "{{", 1), "{{ bos_token }}" + chatml(),
           LLAMA31.replace("|trim", ""), LLAMA31.replace('message = ""', 'message = "x"'), LLAMA31.replace("26 Jul", "27 Jul"), LLAMA3_LOOP, LLAMA3_LOOP + LLAMA3_PROMPT + "x", LLAMA3_LOOP.replace("| trim", "") + LLAMA3_PROMPT, "{% for message in messages %}[INST]{{ message['content'] }}[/INST]{% endfor %}"]


def conversations():
    rng = random.Random(9)
    words = ["Hi", " lead", "trail ", "\n", "caf\u00e9 \u00a0", "<|im_end|>", "two\nlines", "\x1c", "", "\u3000x\u2003", "{{ 1 }}", "'", '"']
    yield [{"role": "user", "content": "Hello"}]
    yield [{"role": "system", "content": " S "}, {"role": "user", "content": "Hello"}]
    yield [{"role": "assistant", "content": "first"}]
    for _ in range(60):
        roles = (["system"] if rng.random() < 0.5 else []) + ["user", "assistant"] * rng.randint(1, 3)
        yield [{"role": r, "content": " ".join(rng.choices(words, k=rng.randint(0, 4)))} for r in roles]


def main():
    report, probe = Report(), Probe(sys.argv[1], sys.argv[2])
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.Undefined)
    chats = list(conversations())
    for name, templates in KNOWN.items():
        for i, template in enumerate(templates):
            compiled = environment.from_string(template)
            requests = [{"chat": c, "jinja": template, "prompt": p} for c in chats for p in (False, True)]
            want = [{"name": name, "text": compiled.render(messages=r["chat"], add_generation_prompt=r["prompt"], bos_token="<|begin_of_text|>")} for r in requests]
            report.compare(f"{name}, template {i}", requests, probe(requests), want)
    for name in KNOWN:
        requests = [{"chat": c, "format": name} for c in chats]
        want = probe([{"chat": c, "jinja": KNOWN[name][0]} for c in chats])
        report.compare(f"{name} by name", requests, probe(requests), want)
    requests = [{"chat": chats[0], "jinja": t} for t in UNKNOWN] + [{"chat": chats[0], "format": "vicuna"}, {"chat": [], "format": "chatml"}]
    want = [{"error": "chat_template_unknown"}] * (len(UNKNOWN) + 1) + [{"error": "chat_empty"}]
    report.compare("unknown templates", requests, probe(requests), want)
    if report.failures:
        sys.exit(f"{report.failures} differences")


if __name__ == "__main__":
    main()
