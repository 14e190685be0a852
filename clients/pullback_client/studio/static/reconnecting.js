// Reconnecting: what a page does where the studio was away, as when it was restarted.
//
// A page that the studio still has goes on by itself. One that it has not is loaded anew, which is NiceGUI's way; this
// says then what of it is gone. Whoever is not known any more, such as by a key after a restart, is led to the entrance.

{
  const { loses } = document.currentScript.dataset;
  const NAME = "pullback was away";
  const LOOK_MS = 3000;
  // How long a page may take from being connected to finding out that it has to be loaded anew.
  const FORGET_MS = 30000;
  const LEAVING_MS = 60000;
  let leaving = false;
  window.addEventListener("beforeunload", () => {
    leaving = true;
    // Whoever was asked and stays.
    setTimeout(() => (leaving = false), LEAVING_MS);
  });

  const say = () => {
    const line = document.createElement("p");
    line.className = "reloaded";
    line.setAttribute("role", "alert");
    line.textContent = `The studio was away, and this page has been loaded anew. ${loses}`;
    document.body.append(line);
    const close = document.createElement("button");
    close.textContent = "Close";
    close.onclick = () => line.remove();
    line.append(" ", close);
  };

  const follow = () => {
    if (!window.socket) return setTimeout(follow, 100);
    let forgetting;
    window.socket.on("disconnect", () => {
      clearTimeout(forgetting);
      if (!leaving) sessionStorage.setItem(NAME, location.pathname);
    });
    // Where the page cannot go on, it is being left by then, for itself; which may take a while.
    const forget = () => {
      clearTimeout(forgetting);
      forgetting = setTimeout(() => leaving || sessionStorage.removeItem(NAME), FORGET_MS);
    };
    window.socket.on("connect", forget);
    if (window.socket.connected) forget();
    setInterval(async () => {
      if (window.socket.connected) return;
      try {
        const answer = await fetch("/here", { redirect: "manual" });
        if (answer.type === "opaqueredirect") location.reload();
      } catch {
        // It is still away.
      }
    }, LOOK_MS);
  };

  const away = sessionStorage.getItem(NAME);
  window.addEventListener("DOMContentLoaded", () => {
    if (loses && away === location.pathname) say();
    follow();
  });
}
