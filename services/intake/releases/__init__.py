"""What is published of the official tables: frozen when it is made, changed only by a numbered revision."""
