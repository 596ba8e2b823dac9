"""Shared harness for the Reg peer baselines.

Every script is runnable alone:
    /usr/bin/python3 w01_mlp.py --threads 2 --variant eager --env tuned
and prints ONE JSON line.

--env stock : Debian packages as they are + the thread count (OMP/OPENBLAS/torch.set_num_threads)
--env tuned : + the fixes that make Debian's torch an honest peer on this machine (see REPORT.md)
The environment has to be in place before libc/libgomp/OpenBLAS load, so the script re-execs itself once.
"""
import os, sys, time, argparse, json, statistics

BENCH_DIR = os.path.dirname(os.path.abspath(__file__))
PRELOAD = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4"
OBLAS_OMP = os.environ.get("OPENBLAS_OPENMP", "/usr/lib/x86_64-linux-gnu/openblas-openmp")
SGEMM_SHIM = os.environ.get("SGEMM_SHIM", BENCH_DIR + "/build/sgemm_shim.so")

def env_for(profile, threads):
    e = {k: v for k, v in os.environ.items()
         if not k.startswith(("OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "ATEN_", "DNNL_", "GLIBC_TUNABLES"))
         and k not in ("LD_PRELOAD", "LD_LIBRARY_PATH", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")}
    t = str(threads)
    e["OMP_NUM_THREADS"] = t          # libgomp: torch intra-op, oneDNN
    e["OPENBLAS_NUM_THREADS"] = t     # OpenBLAS has its own pool in the pthread flavour
    f = set(profile.split("+"))
    if "tuned" in f:
        f |= {"avx512", "oblasomp", "tcmalloc"}
    if "best" in f:      # glibc malloc that keeps memory and uses huge pages, one OpenMP pool, oneDNN's sgemm
        f |= {"avx512", "oblasomp", "thp", "dnnlgemm"}
    if "bestob" in f:    # same with OpenBLAS's sgemm
        f |= {"avx512", "oblasomp", "thp"}
    if "avx512" in f:   e["ATEN_CPU_CAPABILITY"] = "avx512"
    if "oblasomp" in f: e["LD_LIBRARY_PATH"] = OBLAS_OMP
    if "tcmalloc" in f: e["LD_PRELOAD"] = PRELOAD
    if "dnnlgemm" in f: e["LD_PRELOAD"] = (e.get("LD_PRELOAD", "") + " " + SGEMM_SHIM).strip()
    if "jemalloc" in f:
        e["LD_PRELOAD"] = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
        e["MALLOC_CONF"] = "oversize_threshold:1,background_thread:false,metadata_thp:auto,dirty_decay_ms:9000000000,muzzy_decay_ms:9000000000"
    if "mallopt" in f:
        e["GLIBC_TUNABLES"] = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=268435456"
    if "thp" in f:
        e["GLIBC_TUNABLES"] = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=268435456:glibc.malloc.hugetlb=1"
    if "passive" in f:  e["OMP_WAIT_POLICY"] = "PASSIVE"
    if "active" in f:   e["OMP_WAIT_POLICY"] = "ACTIVE"
    if "bind" in f:     e["OMP_PROC_BIND"] = "true"
    return e

def parse(workload, variants, extra=None):
    ap = argparse.ArgumentParser()
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--variant", default=variants[0], choices=variants)
    ap.add_argument("--env", default="tuned")
    ap.add_argument("--steps", type=int, default=0)
    ap.add_argument("--warmup", type=int, default=-1)
    ap.add_argument("--seconds", type=float, default=1.5, help="time budget of the measured loop")
    ap.add_argument("--profile", action="store_true")
    if extra: extra(ap)
    a = ap.parse_args()
    if os.environ.get("REG_BENCH_ENV") != f"{a.env}:{a.threads}":
        e = env_for(a.env, a.threads)
        e["REG_BENCH_ENV"] = f"{a.env}:{a.threads}"
        e["REG_BENCH_T0"] = repr(time.time())
        import subprocess, signal   # own session = own process group and scheduler group; passed-on SIGTERM keeps `timeout` working
        ch = subprocess.Popen([sys.executable] + sys.argv, env=e, start_new_session=True)
        signal.signal(signal.SIGTERM, lambda *_: (os.killpg(ch.pid, signal.SIGKILL), sys.exit(143)))
        sys.exit(ch.wait())
    a.workload = workload
    a.t0 = float(os.environ["REG_BENCH_T0"])
    return a

def torch_setup(a):
    t = time.perf_counter()
    import torch
    torch.set_num_threads(a.threads)
    try: torch.set_num_interop_threads(1)
    except RuntimeError: pass
    torch.manual_seed(0)
    a.import_s = time.perf_counter() - t
    return torch

def rss_mb():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0

def _busy():
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:]]
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / os.sysconf("SC_CLK_TCK"), v[7] / os.sysconf("SC_CLK_TCK")

def _own():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system

class Contention:
    """fraction of the machine's 2 cores that others used while we measured"""
    def __enter__(self):
        self.b, self.s = _busy(); self.o = _own(); self.w = time.perf_counter(); return self
    def __exit__(self, *_):
        b, s = _busy(); w = time.perf_counter() - self.w
        own = _own() - self.o
        self.other = max(0.0, (b - self.b) - own) / (w * (os.cpu_count() or 1) + 1e-9)
        self.cores = own / (w + 1e-9)

class RunDelay:
    """Sum of time (ns) our threads spent runnable but not running: the exact measure of being disturbed by others."""
    def __init__(self):
        self.fd = []
        for t in os.listdir("/proc/self/task"):
            try: self.fd.append(os.open(f"/proc/self/task/{t}/schedstat", os.O_RDONLY))
            except OSError: pass
    def __call__(self):
        s = 0
        for f in self.fd:
            try: s += int(os.pread(f, 128, 0).split()[1])
            except (OSError, IndexError): pass
        return s
    def close(self):
        for f in self.fd: os.close(f)

def boost(on):
    """Real-time priority for the measured windows only (<= 0.7 s each, then a pause): the machine is shared with many
    other jobs and 2-thread runs with barriers are meaningless when one thread waits for a core. REG_BENCH_BOOST=1 turns it on."""
    if not os.environ.get("REG_BENCH_BOOST"): return
    pol, par = (os.SCHED_FIFO, os.sched_param(1)) if on else (os.SCHED_OTHER, os.sched_param(0))
    for t in os.listdir("/proc/self/task"):
        try: os.sched_setscheduler(int(t), pol, par)
        except OSError as e: boost.err = str(e)
boost.err = None
WINDOW, PAUSE = 0.7, 0.25

def bench(a, step, flops=None, limit_note=None, warmup=10, max_steps=10**9, extra=None, min_steps=5, chunk=1, max_seconds=None):
    """step() -> loss-like; times each call (chunk>1: groups of calls). Only samples in which our threads were not
    kept waiting for a core (run delay < 1 % of the sample) count as clean; goes on until enough clean ones came."""
    t = time.perf_counter()
    l0 = step()
    first = time.perf_counter() - t
    ttfs = time.time() - a.t0
    if a.warmup >= 0: warmup = a.warmup
    for _ in range(max(0, warmup - 1)): loss = step()
    if a.profile: return profile(a, step)
    ts, tc = [], []
    nmax = a.steps or max_steps
    pc = time.perf_counter
    rd = RunDelay(); want = 12
    max_seconds = max_seconds or max(3 * a.seconds, 6.0)
    cpu = 0.0
    with Contention() as c:
        t_begin = pc(); end = t_begin + a.seconds
        done = False
        while not done:
            boost(True); step()                      # first step of a window is warm-up again
            w_end = pc() + WINDOW; r0 = rd(); c0 = time.process_time()
            while True:
                t = pc()
                for _ in range(chunk): loss = step()
                d = pc() - t
                r1 = rd(); w = (r1 - r0) * 1e-9; r0 = r1
                ts.append(d / chunk)
                if w < 0.01 * d + 5e-6: tc.append(d / chunk)
                n = pc()
                if len(ts) >= nmax or (not a.steps and n > end and len(ts) >= min_steps and (len(tc) >= want or n > t_begin + max_seconds)): done = True; break
                if n > w_end: break
            cpu += time.process_time() - c0
            boost(False)
            if not done: time.sleep(PAUSE)
    boost(False); rd.close()
    a.cpu_s = cpu / (len(ts) * chunk)
    if boost.err: extra = dict(extra or {}, boost_err=boost.err)
    emit(a, ts, loss, first, ttfs, c, flops, extra, tc)

def emit(a, ts, loss, first, ttfs, c, flops=None, extra=None, tc=None):
    ts2 = sorted(ts); good = sorted(tc) if tc is not None and len(tc) >= 3 else ts2
    r = dict(workload=a.workload, peer=peer_name(a), threads=a.threads, variant=a.variant, env=a.env,
             median_s=statistics.median(good), min_s=ts2[0], p90_s=good[int(0.9 * (len(good) - 1))], median_all_s=statistics.median(ts),
             cpu_s=getattr(a, "cpu_s", None), n=len(ts), n_clean=len(tc) if tc is not None else None,
             peak_rss_mb=round(rss_mb(), 1), loss=None if loss is None else float(loss),
             first_step_s=round(first, 4), time_to_first_step_s=round(ttfs, 3),
             import_s=round(getattr(a, "import_s", 0), 3),
             other_load=round(c.other, 3), cores_used=round(c.cores, 2))
    if flops: r["gflop"] = flops / 1e9; r["gflops_median"] = round(flops / 1e9 / r["median_s"], 1)
    if extra: r.update(extra)
    print(json.dumps(r), flush=True)

def peer_name(a):
    return getattr(a, "peer", "torch")

def profile(a, step):
    import torch
    from torch.profiler import profile as P, ProfilerActivity
    n = a.steps or 20
    with P(activities=[ProfilerActivity.CPU]) as p:
        t = time.perf_counter()
        for _ in range(n): step()
        wall = time.perf_counter() - t
    print(p.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))
    print("wall/step under profiler: %.3f ms" % (wall / n * 1e3))

def fashion():
    import gzip, numpy as np
    d = "/usr/share/datasets/fashion-mnist/"
    def rd(f, off):
        with gzip.open(d + f) as g: return np.frombuffer(g.read(), np.uint8, offset=off)
    xtr = rd("train-images-idx3-ubyte.gz", 16).reshape(-1, 784); ytr = rd("train-labels-idx1-ubyte.gz", 8)
    xte = rd("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784);  yte = rd("t10k-labels-idx1-ubyte.gz", 8)
    return xtr, ytr, xte, yte
