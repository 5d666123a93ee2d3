"""The kernel-side runtime: loaded by path into the notebook's kernel and step processes.

It needs the standard library only, since nbprod need not be installed where the
notebook's code runs; numpy, pandas and cloudpickle are used where they are
present. Architecture invariant: nothing here imports another part of nbprod, no
name of ours enters the user's namespace, and a failure in here never fails the
user's run: its reason is handed to the host instead.
"""
