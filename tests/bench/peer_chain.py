"""The step of chain.reg in PyTorch, eager. Prints steps per second and the process's peak memory in MiB."""
import resource
import sys
import time

import torch

steps, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
a, b = 1.3, 0.7
x = torch.randn(10_000_000, requires_grad=True)
optimizer = torch.optim.SGD([x], lr=1e-3)


def step():
    optimizer.zero_grad(set_to_none=True)
    chain = (torch.tanh(a * x + b) * torch.sigmoid(x) + torch.exp(-x * x)).mean()
    chain.backward()
    optimizer.step()
    return chain


for _ in range(2):
    step()
start = time.perf_counter()
for _ in range(steps):
    step()
taken = time.perf_counter() - start
print(f"{steps / taken:.4f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
