"""How many labels each way of choosing needs: ours, the naive recipe and other libraries on the same pictures."""
