/** WeChat Pay's refusal of a request: its HTTP status, its code, and where the fault lies. */
export class PayRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: object | undefined;

  constructor(status: number, code: string, { message, detail }: { message: string; detail?: object }) {
    super(message);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/** A field that does not fit: 400 PARAM_ERROR. `field` is as WeChat Pay writes it, `/amount/total`. */
export function wrongField(field: string, issue: string): PayRefusal {
  const detail = { field, issue, location: "body" };
  return new PayRefusal(400, "PARAM_ERROR", { message: `${field}: ${issue}`, detail });
}

/** What makes sense, but not as things stand: 400 INVALID_REQUEST unless told. */
export function unfit(message: string, code = "INVALID_REQUEST", status = 400): PayRefusal {
  return new PayRefusal(status, code, { message });
}
