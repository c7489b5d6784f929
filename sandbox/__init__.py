"""Where commands run: containers, namespaces, and the terminal in them. Imports nothing of ours."""
