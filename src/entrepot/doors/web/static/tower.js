// Says whether the page is live, and loads it anew when the session has ended.
(() => {
  const said = document.getElementById("live");
  const show = (live) => {
    document.body.dataset.live = live;
    said.textContent = live ? "live" : "not live, trying again";
  };
  const failed = (status) => {
    show(false);
    if (status === 401 || status === 403) location.reload();
  };
  document.addEventListener("htmx:sse:after:connection", () => show(true));
  document.addEventListener("htmx:sse:close", () => show(false));
  document.addEventListener("htmx:sse:error", (event) => failed(event.detail.status));
  document.addEventListener("htmx:error", () => show(false));
  document.addEventListener("htmx:response:error", (event) => {
    failed(event.detail.ctx.response.status);
  });
})();
