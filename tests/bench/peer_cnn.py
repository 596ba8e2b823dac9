"""The training step of cnn.reg in PyTorch, channels last. Prints steps per second and the process's peak memory in MiB."""
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as functional

steps, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
samples, batch = 6000, 128
x = torch.randn(samples, 1, 28, 28).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, 10, (samples,))
net = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(3136, 10),
).to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)
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


for _ in range(5):
    step()
start = time.perf_counter()
for _ in range(steps):
    step()
taken = time.perf_counter() - start
print(f"{steps / taken:.4f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
