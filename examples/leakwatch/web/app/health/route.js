export const dynamic = "force-dynamic";

export function GET() {
  const well = Boolean(process.env.LW_BASE_URL);
  return new Response(well ? "ok" : "LW_BASE_URL is not set", { status: well ? 200 : 503 });
}
