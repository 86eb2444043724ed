"""Code that is not Segcore's: a user's file (`my_net.py:MyNet`), and packages that announce theirs by entry points."""
