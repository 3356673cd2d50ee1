"""A Slurm cluster of one node on this machine, in a folder of its own and on loopback alone.

It needs Debian's packages slurmctld, slurmd and munge (or their equals), neither set up nor started.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Daemons stand where the path of a user often does not lead."""
SRUN = """\
#!/bin/sh
# The executor plugin takes SLURM_CONF, as all that begins with SLURM_, from the environment of its srun.
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_min_interval=1,bf_interval=1
# Cgroups are not to be had everywhere: memory is looked at every second, and a job that takes more is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
# Ended jobs are remembered for an hour: on a busy machine five minutes may pass until somebody asks for them.
MinJobAge=3600
KillWait=2
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}
PartitionName=all Nodes={host} Default=YES State=UP
"""


def missing() -> str:
    """What is missing for a cluster, as a reason to skip its tests; empty if nothing is."""
    absent = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    return f"Slurm is not installed: no {', '.join(absent)}" if absent else ""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class Cluster:
    """A cluster that runs while its block does.

    Parameters
    ----------
    folder : Path
        Where its configuration, state and logs stand.
    cpus : int
        Processors that the node claims to have.
    memory : int
        Memory in MB that the node claims to have.
    """

    def __init__(self, folder: Path, cpus: int = 4, memory: int = 8000):
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}
        self._host = socket.gethostname().split(".")[0]
        self._size = {"cpus": cpus, "memory": memory}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Cluster":
        for part in ("state", "spool", "bin"):
            (self.folder / part).mkdir(parents=True)
        srun = self.folder / "bin/srun"
        srun.write_text(SRUN.format(folder=self.folder, srun=shutil.which("srun", path=PATH)))
        srun.chmod(0o755)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                host=self._host,
                ports=_free_ports(2),
                user=getpass.getuser(),
                **self._size,
            )
        )
        try:
            files = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
            self._start(
                "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={files['socket']}",
                f"--pid-file={files['pid']}", f"--log-file={files['log']}", f"--seed-file={files['seed']}",
            )  # fmt: skip
            self._wait(files["socket"].exists)
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D")
            self._wait(lambda: "State=IDLE" in self.run("scontrol", "show", "node", self._host))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if len(self._daemons) > 1:
            self.run("scancel", "--user", getpass.getuser(), "--signal=KILL", "--full")
            self.run("scancel", "--user", getpass.getuser())
            self._wait(lambda: not self.run("squeue", "--noheader"))
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(timeout=60)
        self._daemons.clear()

    def run(self, *command: str) -> str:
        """What a command of Slurm prints."""
        environment = os.environ | self.environment
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        ).stdout

    def finished(self) -> list[dict[str, str]]:
        """Jobs that have ended, in the order of their ends, with what Slurm keeps of them."""
        path = self.folder / "jobs.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def _start(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=PATH)
        assert path, missing()
        with (self.folder / f"{program}.out").open("wb") as output:
            self._daemons.append(
                subprocess.Popen(
                    [path, *arguments], env=os.environ | self.environment, stdout=output, stderr=output
                )
            )

    def _wait(self, ready, seconds: int = 120) -> None:
        """Wait until something holds; if it does not, or a daemon has ended, say what the daemons say."""
        for _ in range(10 * seconds):
            if ready():
                return
            if any(daemon.poll() is not None for daemon in self._daemons):
                break
            time.sleep(0.1)
        logs = [*self.folder.glob("*.out"), *self.folder.glob("*.log")]
        raise RuntimeError("\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in logs))
