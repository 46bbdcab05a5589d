"""Multi-head latent attention written out, equation by equation, in PyTorch: the reference of the parity tests."""

import math

import torch
from torch import nn

HEADS, HEAD, LAYERS, WIDTH = 4, 8, 3, 24


def wide_norm(self, x):
    """RMSNorm without transformers' detour over fp32, which caps an fp64 model at fp32's precision."""
    wide = x.double() if x.dtype == torch.float64 else x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * wide.to(x.dtype)


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * self.weight


class Case:
    """One set of sizes; ranks by layer."""

    def __init__(self, name, ranks, nope=4, rope=4, value=HEAD, norm=False, theta=10000.0, scaling=None, bias=False,
                 frugal=None, positions=None):  # fmt: skip
        self.name, self.ranks, self.nope, self.rope, self.value = name, ranks, nope, rope, value
        self.norm, self.theta, self.scaling, self.bias, self.frugal = norm, theta, scaling, bias, frugal
        self.positions = positions

    def yarn(self):
        """The scaling's frequencies and mscale by the formulas."""
        s, d = self.scaling, self.rope
        plain = 1 / self.theta ** (torch.arange(0, d, 2, dtype=torch.float32) / d)
        if s is None:
            return plain, 1.0, 1.0
        m, factor = s.get("original_max_position_embeddings", 4096), s["factor"]
        corr = lambda n: d * math.log(m / (2 * math.pi * n)) / (2 * math.log(self.theta))  # noqa: E731
        low = max(math.floor(corr(s.get("beta_fast", 32))), 0)
        high = min(math.ceil(corr(s.get("beta_slow", 1))), d - 1)
        high = high + 0.001 if low == high else high
        keep = 1 - ((torch.arange(d // 2, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
        get = lambda scale: 0.1 * scale * math.log(factor) + 1 if factor > 1 else 1.0  # noqa: E731
        every = s.get("mscale_all_dim", 0.0)
        slow = 1 / (factor * self.theta ** (torch.arange(0, d, 2, dtype=torch.float32) / d))
        frequencies = slow * (1 - keep) + plain * keep
        return frequencies, get(s.get("mscale", 1.0)) / get(every), get(every) ** 2 if every else 1.0


class WrittenOut(nn.Module):
    """The equations, one by one."""

    def __init__(self, case, layer):
        super().__init__()
        self.case, (r_q, r_kv) = case, case.ranks[layer]
        self.q_a_proj = nn.Linear(WIDTH, r_q, bias=case.bias)
        self.q_b_proj = nn.Linear(r_q, HEADS * (case.nope + case.rope), bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(WIDTH, r_kv + case.rope, bias=case.bias)
        self.kv_b_proj = nn.Linear(r_kv, HEADS * (case.nope + case.value), bias=False)
        self.out_proj = nn.Linear(HEADS * case.value, WIDTH, bias=case.bias)
        if case.norm:
            self.q_a_layernorm, self.kv_a_layernorm = Norm(r_q), Norm(r_kv)

    def angles(self, positions, dtype):
        frequencies, m, _ = self.case.yarn()
        if (self.case.frugal or {}).get("bf16_angles"):
            angle = positions.bfloat16()[..., None] * frequencies.float().bfloat16()
        else:
            angle = positions.float()[..., None] * frequencies.float()
        return (angle.cos() * m).to(dtype)[:, None], (angle.sin() * m).to(dtype)[:, None]

    def turn(self, u, positions):
        """Neighbours (2j, 2j+1) turn by angle j; first halves of all pairs come out first."""
        cos, sin = self.angles(positions, u.dtype)
        even, odd = u[..., 0::2], u[..., 1::2]
        return torch.cat([even * cos - odd * sin, odd * cos + even * sin], -1)

    def forward(self, hidden_states, attention_mask=None, position_ids=None, **_):
        case, x = self.case, hidden_states
        b, t, _ = x.shape
        cq = self.q_a_proj(x)
        z = self.kv_a_proj_with_mqa(x)
        c, k_pe = z[..., : -case.rope], z[..., None, :, -case.rope :]
        if case.norm:
            cq, c = self.q_a_layernorm(cq), self.kv_a_layernorm(c)
        q = self.q_b_proj(cq).view(b, t, HEADS, case.nope + case.rope).transpose(1, 2)
        kv = self.kv_b_proj(c).view(b, t, HEADS, case.nope + case.value).transpose(1, 2)
        q = torch.cat([q[..., : case.nope], self.turn(q[..., case.nope :], position_ids)], -1)
        k_pe = self.turn(k_pe, position_ids).expand(-1, HEADS, -1, -1)
        k = torch.cat([kv[..., : case.nope], k_pe], -1)
        scores = q @ k.transpose(2, 3) * (case.nope + case.rope) ** -0.5 * case.yarn()[2]
        visible = torch.ones(t, t, dtype=torch.bool).tril() if attention_mask is None else attention_mask
        scores = scores.masked_fill(~visible, -torch.inf) if visible.dtype == torch.bool else scores + visible
        o = torch.softmax(scores, -1).nan_to_num() @ kv[..., case.nope :]
        return self.out_proj(o.transpose(1, 2).reshape(b, t, HEADS * case.value)), None
