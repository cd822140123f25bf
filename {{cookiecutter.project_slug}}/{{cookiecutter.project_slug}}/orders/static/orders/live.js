// The page says when its questions are not answered, and goes to the login when the session has ended.
const offline = document.getElementById("offline");
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.raw.redirected) location.reload();
  offline.hidden = ctx.response.status < 500;
});
document.addEventListener("htmx:error", () => (offline.hidden = false));
