"""The three services. They never import each other; they speak by signed events and HTTP."""
