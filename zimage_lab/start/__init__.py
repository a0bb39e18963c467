"""What `./start.sh` and a bare `zimage-lab` do: install what is missing, then open the studio in JupyterLab.

Until the packages are installed only the standard library is there, so modules here import nothing else at their top.
"""
