"""The training step of mlp.reg in PyTorch, as its users write it at its fastest here: foreach Adam, no gradients kept as zeros.
Prints steps per second and the process's peak memory in MiB. The environment is set by run.sh."""
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as functional

steps, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
samples, batch = 20000, 128
x = torch.randn(samples, 784)
y = torch.randint(0, 10, (samples,))
net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4, foreach=True)
order, at = torch.randperm(samples), 0


def step():
    global order, at
    if at + batch > samples:
        order, at = torch.randperm(samples), 0
    rows = order[at:at + batch]
    at += batch
    optimizer.zero_grad(set_to_none=True)
    loss = functional.cross_entropy(net(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
    return loss


for _ in range(20):
    step()
start = time.perf_counter()
for _ in range(steps):
    loss = step()
taken = time.perf_counter() - start
print(f"{steps / taken:.4f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
