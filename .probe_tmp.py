import asyncio, tempfile, time, resource
from pathlib import Path
from tests.contract import test_docs as t
from sandbox.system import System, PROGRAMS
from sandbox.ports import free_ports
from sandbox.seed import seed
def cpu():
    a=resource.getrusage(resource.RUSAGE_SELF); b=resource.getrusage(resource.RUSAGE_CHILDREN)
    return a.ru_utime+a.ru_stime+b.ru_utime+b.ru_stime
async def main():
    tmp=Path(tempfile.mkdtemp()); w=time.time(); c=cpu()
    def lap(n):
        nonlocal w,c
        print(n, "wall %.1f cpu(own+ended) %.1f"%(time.time()-w, cpu()-c)); w=time.time(); c=cpu()
    s=System(tmp/"data", port=free_ports(len(PROGRAMS)+1))
    async with s:
        lap("start"); await seed(s); lap("seed")
        import sys
        for p in t.PAGES:
            f=tmp/p.replace("/","-"); f.mkdir(); (f/".ruta").symlink_to(s.data); (f/".venv").symlink_to(sys.prefix)
            t._paste(p,f,s); lap(p)
    lap("stop (zygote's children included)")
asyncio.run(main())
