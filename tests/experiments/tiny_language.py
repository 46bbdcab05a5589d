"""A tiny Llama with random weights and a byte-level BPE tokenizer, as a Hugging Face folder: what tests of language-model
experiments run on."""
import json
import random

import tokenizers
import torch
import transformers

WORDS = "which planet is the largest one of all metals that rust when wet and why do plants need light é 日本 x1 42".split()


def sentence(rng, low, high):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def make_model(folder, bos, seed=2, vocabulary=400, **config):
    """bos: the tokenizer puts <s> before every text. Returns tokenizer and model."""
    rng = random.Random(1)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<s>", "</s>"],
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((sentence(rng, 5, 20) for _ in range(300)), trainer)
    if bos:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}))
    torch.manual_seed(seed)
    keys = dict(vocab_size=tokenizer.get_vocab_size(), hidden_size=48, intermediate_size=64, num_hidden_layers=3,
                num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024, initializer_range=0.3)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**keys, **config})).eval()
    model.save_pretrained(folder)
    return tokenizer, model
