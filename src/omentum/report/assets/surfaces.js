// The 3D view: three.js does the work. World axes are the patient's: x right, y anterior, z superior, in mm.
"use strict";
(() => {
  const canvas = document.querySelector("#surfaces");
  if (!canvas || typeof THREE === "undefined") return;
  const complain = (text) => {
    canvas.hidden = true;
    canvas.parentElement.querySelector(".note").textContent = text;
  };
  let renderer;
  try {
    renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
  } catch {
    complain("This browser cannot draw in 3D (no WebGL).");
    return;
  }

  const scene = new THREE.Scene();
  const camera = new THREE.PerspectiveCamera(30, 1, 1, 10000);
  const lamp = new THREE.DirectionalLight(0xffffff, 0.75);
  lamp.position.set(-0.5, 0.8, 1); // over the viewer's shoulder
  camera.add(lamp);
  scene.add(camera, new THREE.HemisphereLight(0xffffff, 0x667080, 0.45));
  const controls = new THREE.TrackballControls(camera, canvas);
  Object.assign(controls, { keys: [], rotateSpeed: 2.5, panSpeed: 0.4, staticMoving: true, noZoom: true });
  // The wheel scrolls the page until the view has been chosen by a click or the keyboard.
  canvas.addEventListener("focus", () => { controls.noZoom = false; });
  canvas.addEventListener("blur", () => { controls.noZoom = true; });
  canvas.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }));

  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; renderer.render(scene, camera); });
  };
  controls.addEventListener("change", draw);
  for (const kind of ["pointermove", "wheel"]) canvas.addEventListener(kind, () => setTimeout(() => controls.update()));

  const box = new THREE.Box3(), middle = new THREE.Vector3(), size = new THREE.Vector3();
  const FROM = { front: [0, 1, 0], right: [1, 0, 0], left: [-1, 0, 0], back: [0, -1, 0], above: [0, 0, 1] };
  const look = (side) => {
    const direction = new THREE.Vector3(...FROM[side]);
    const [x, y, z] = FROM[side].map(Math.abs);
    const depth = x * size.x + y * size.y + z * size.z;
    const height = z ? size.y : size.z, width = x ? size.y : size.x;
    const away = (0.54 * Math.max(height, width / camera.aspect)) / Math.tan((camera.fov / 2) * Math.PI / 180) + depth / 2;
    camera.up.set(0, side === "above" ? 1 : 0, side === "above" ? 0 : 1);
    controls.target.copy(middle);
    camera.position.copy(middle).addScaledVector(direction, away);
    camera.near = away / 50;
    camera.far = away * 4;
    camera.updateProjectionMatrix();
    camera.lookAt(middle);
    controls.update();
    draw();
  };
  for (const button of document.querySelectorAll("button[data-look]")) {
    button.addEventListener("click", () => look(button.dataset.look));
  }

  const turn = (axis, angle) => {
    const away = camera.position.clone().sub(controls.target);
    const about = axis === "up" ? camera.up : new THREE.Vector3().crossVectors(camera.up, away).normalize();
    away.applyAxisAngle(about, angle);
    if (axis !== "up") camera.up.applyAxisAngle(about, angle);
    camera.position.copy(controls.target).add(away);
    controls.update();
    draw();
  };
  const nearer = (factor) => {
    camera.position.sub(controls.target).multiplyScalar(factor).add(controls.target);
    controls.update();
    draw();
  };
  const KEYS = {
    ArrowLeft: () => turn("up", -0.12), ArrowRight: () => turn("up", 0.12),
    ArrowUp: () => turn("side", -0.12), ArrowDown: () => turn("side", 0.12),
    "+": () => nearer(0.9), "=": () => nearer(0.9), "-": () => nearer(1.1), "0": () => look("front"),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  const fit = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    camera.aspect = width / height;
    camera.updateProjectionMatrix();
    renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    renderer.setSize(width, height, false);
    controls.handleResize();
    draw();
  };

  const meshes = new Map();
  const glass = document.querySelector("#glass");
  const see = () => {
    const opacity = glass.valueAsNumber / 100;
    for (const mesh of meshes.values()) {
      const clear = mesh.userData.kind === "organ" && opacity < 1;
      Object.assign(mesh.material, { opacity: clear ? opacity : 1, transparent: clear, depthWrite: !clear, needsUpdate: true });
      mesh.renderOrder = clear ? 1 : 0;
    }
    draw();
  };
  glass.addEventListener("input", see);
  document.addEventListener("structures", (event) => {
    for (const [key, mesh] of meshes) mesh.visible = event.detail.has(key);
    draw();
  });

  const glb = Uint8Array.from(atob(document.querySelector("#glb").textContent), (c) => c.charCodeAt(0));
  new THREE.GLTFLoader().parse(glb.buffer, "", ({ scene: body }) => {
    body.traverse((node) => {
      if (!node.isMesh) return;
      const tick = document.querySelector(`.legend input[data-structure="${node.name}"]`);
      node.geometry.computeVertexNormals();
      node.material = new THREE.MeshPhongMaterial({ color: node.material.color, shininess: 25, specular: 0x222222 });
      node.userData.kind = tick ? tick.dataset.kind : "organ";
      node.visible = !tick || tick.checked;
      meshes.set(node.name, node);
    });
    scene.add(body);
    box.setFromObject(body);
    box.getCenter(middle);
    box.getSize(size);
    new ResizeObserver(fit).observe(canvas);
    fit();
    see();
    look("front");
  }, () => complain("The surfaces in this file cannot be read."));
})();
