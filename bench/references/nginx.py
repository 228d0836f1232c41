"""nginx as a reverse proxy with one worker and kept connections: what a hop costs in C, without a log."""

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream floor {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    keepalive_requests 1000000;
    location / {{ proxy_pass http://floor; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def configuration(folder: str, port: int, upstream: int) -> str:
    """Return the text of its configuration file."""
    return _CONFIGURATION.format(folder=folder, port=port, upstream=upstream)
